use model::PageQuery;
use server::{PageParams, Problem, Query};
use uuid::Uuid;

use crate::model::{Filter, Limits};

/// Which part of a list is asked for; what is malformed is refused first, what is not allowed later, as in 0.9.
pub(super) struct PartParams {
    page: PageParams,
    after: Option<Uuid>,
}

impl PartParams {
    /// Reads `offset`, `limit` and `cursor`.
    pub(super) fn parse(query: &Query) -> Result<Self, Problem> {
        Ok(Self {
            page: PageParams::parse(query)?,
            after: query.get("cursor")?.map(cursor).transpose()?,
        })
    }

    /// Returns what is asked for, if it may be.
    pub(super) fn check(self) -> Result<PageQuery, Problem> {
        let Self { page, after } = self;
        let page = page.check()?;
        if after.is_some() && page.offset > 0 {
            let hint = "a cursor says where to go on; leave out offset";
            return Err(Problem::invalid("cursor_with_offset", hint));
        }
        Ok(PageQuery { after, ..page })
    }
}

fn cursor(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| {
        let hint = "cursor must be what an earlier page gave as next";
        Problem::invalid("parameter_malformed", hint)
    })
}

/// What a list is asked for.
pub(super) struct ListParams {
    part: PartParams,
    filter: Filter,
    name: String,
}

impl ListParams {
    /// Reads `offset`, `limit`, `cursor`, `name` and `metadata`.
    pub(super) fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self {
            part: PartParams::parse(query)?,
            filter: Filter::of_metadata(query.get("metadata")?, limits)?,
            name: query.get("name")?.unwrap_or_default().to_owned(),
        })
    }

    /// Returns what is asked for, if it may be.
    pub(super) fn check(self) -> Result<(Filter, PageQuery), Problem> {
        Ok((self.filter.named(&self.name)?, self.part.check()?))
    }
}
