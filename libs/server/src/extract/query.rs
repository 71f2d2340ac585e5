use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::Problem;

/// The parameters of the query string, in their order.
///
/// As in 0.9 a query with a broken escape counts as empty, and a parameter given twice is 400. Unlike in 0.9
/// (wart W29) a comma is part of the value.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, Option<String>)>);

impl Query {
    /// Parses what follows the `?`.
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs: Option<Vec<_>> = pairs.map(parse_pair).collect();
        Self(pairs.unwrap_or_default())
    }

    /// Returns the value of a parameter; empty is a value, twice and not UTF-8 are errors.
    pub fn get(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let Some((_, value)) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            let hint = format!("the parameter {name} may be given once");
            return Err(Problem::invalid("parameter_repeated", hint));
        }
        match value {
            Some(value) if !value.contains('\0') => Ok(Some(value)),
            _ => {
                let hint = format!("the parameter {name} must be UTF-8 without NUL");
                Err(Problem::invalid("parameter_malformed", hint))
            }
        }
    }

    /// Returns the first value of a parameter, whatever follows; as 0.9 does for the WebSocket handshake.
    pub fn first(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        value.as_deref()
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// Returns nothing for a broken escape; the value alone is nothing when it is not UTF-8.
fn parse_pair(pair: &str) -> Option<(String, Option<String>)> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let name = decode(name)?;
    let value = decode(value)?;
    Some((
        String::from_utf8_lossy(&name).into_owned(),
        String::from_utf8(value).ok(),
    ))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = text.as_bytes();
    let broken = |at: usize| !hex(bytes.get(at + 1)) || !hex(bytes.get(at + 2));
    if text.match_indices('%').any(|(at, _)| broken(at)) {
        return None;
    }
    Some(percent_decode_str(&text.replace('+', " ")).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Query;

    fn get(query: &str) -> Result<Option<String>, String> {
        let query = Query::parse(query);
        let value = query.get("name").map(|value| value.map(str::to_owned));
        value.map_err(|problem| problem.error().code.clone().into_owned())
    }

    #[test]
    fn values_are_decoded() {
        for (query, value) in [
            ("name=a", "a"),
            ("x=1&name=a+b%20c", "a b c"),
            ("name=", ""),
            ("name", ""),
            ("name=a=b", "a=b"),
            ("n%61me=%C3%A9", "é"),
        ] {
            assert_eq!(get(query), Ok(Some(value.to_owned())), "{query}");
        }
        assert_eq!(get("Name=a&&"), Ok(None));
    }

    #[test]
    fn w29_a_comma_is_part_of_the_value() {
        assert_eq!(get("name=a,b"), Ok(Some("a,b".to_owned())));
    }

    #[test]
    fn a_broken_escape_empties_the_query() {
        for query in ["name=%", "name=a&x=%z1", "%4=1&name=a"] {
            assert_eq!(get(query), Ok(None), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert_eq!(get("name=a&name=a"), Err("parameter_repeated".to_owned()));
        assert_eq!(get("name=%ff"), Err("parameter_malformed".to_owned()));
        assert_eq!(get("name=a%00"), Err("parameter_malformed".to_owned()));
        assert_eq!(Query::parse("name=a&name=b").first("name"), Some("a"));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_escapes_round_trip(text in "\\PC{0,20}", wild in "[ -~]{0,30}") {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(get(&format!("name={escaped}")), Ok(Some(text)));
            let _ = get(&wild);
        }
    }
}
