use model::PageQuery;
use server::{PageParams, Problem, Query};

use crate::model::{Filter, Limits};

/// What a list is asked for; numbers and JSON are read first, whether they are allowed is told later, as in 0.9.
pub(super) struct ListParams {
    page: PageParams,
    filter: Filter,
    name: String,
}

impl ListParams {
    /// Reads `offset`, `limit`, `name` and `metadata`.
    pub(super) fn parse(query: &Query, limits: &Limits) -> Result<Self, Problem> {
        Ok(Self {
            page: PageParams::parse(query)?,
            filter: Filter::of_metadata(query.get("metadata")?, limits)?,
            name: query.get("name")?.unwrap_or_default().to_owned(),
        })
    }

    /// Returns what is asked for, if it may be.
    pub(super) fn check(self) -> Result<(Filter, PageQuery), Problem> {
        Ok((self.filter.named(&self.name)?, self.page.check()?))
    }
}
