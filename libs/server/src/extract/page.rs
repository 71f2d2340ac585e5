use axum::extract::FromRequestParts;
use http::request::Parts;
use model::PageQuery;

use super::Query;
use crate::Problem;

/// How many items a page has when the caller does not say.
const DEFAULT_LIMIT: u64 = 10;

/// The most items of a page.
const MAX_LIMIT: u64 = 100;

/// `offset` and `limit` of a list.
///
/// Numbers that are none are refused when the request is taken apart; whether the limit is allowed is told by
/// [`Self::check`], because in 0.9 a missing token is told in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageParams(PageQuery);

impl PageParams {
    /// Reads the two parameters.
    pub fn parse(query: &Query) -> Result<Self, Problem> {
        Ok(Self(PageQuery {
            offset: number(query, "offset", 0)?,
            limit: number(query, "limit", DEFAULT_LIMIT)?,
            after: None,
        }))
    }

    /// Returns the page, if its limit is from 1 to 100.
    pub fn check(self) -> Result<PageQuery, Problem> {
        self.check_within(MAX_LIMIT)
    }

    /// Returns the page, if its limit is from 1 to `most`.
    pub fn check_within(self, most: u64) -> Result<PageQuery, Problem> {
        if (1..=most).contains(&self.0.limit) {
            return Ok(self.0);
        }
        let hint = format!("limit must be from 1 to {most}");
        Err(Problem::invalid("limit_out_of_range", hint))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(&Query::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// Reads digits only, as Go's `ParseUint` does: no sign, no spaces.
fn number(query: &Query, name: &'static str, default: u64) -> Result<u64, Problem> {
    let Some(text) = query.get(name)? else {
        return Ok(default);
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => {
            let hint = format!("{name} must be a whole number that is not negative");
            Err(Problem::invalid("parameter_malformed", hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Option<(u64, u64)> {
        let page = PageParams::parse(&Query::parse(query)).ok()?.check().ok()?;
        Some((page.offset, page.limit))
    }

    #[test]
    fn the_rules_of_0_9() {
        for (query, expected) in [
            ("", Some((0, 10))),
            ("offset=5&limit=100", Some((5, 100))),
            ("limit=1", Some((0, 1))),
            ("offset=18446744073709551615", Some((u64::MAX, 10))),
            ("offset=18446744073709551616", None),
            ("limit=0", None),
            ("limit=101", None),
            ("limit=", None),
            ("offset=-1", None),
            ("offset=+1", None),
            ("offset=%2B1", None),
            ("offset=1,2", None),
            ("offset=1&offset=1", None),
        ] {
            assert_eq!(page(query), expected, "{query}");
        }
    }

    #[test]
    fn a_limit_out_of_range_is_told_only_by_check() {
        assert!(PageParams::parse(&Query::parse("limit=0")).is_ok());
        assert!(PageParams::parse(&Query::parse("limit=x")).is_err());
    }
}
