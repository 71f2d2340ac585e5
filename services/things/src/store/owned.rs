//! How many things and channels an owner has, by the first byte of their ids. The sum of these numbers is the total of a list,
//! and tells from which byte on to look for an offset: ids are random, so that no byte has many.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::PageQuery;
use storage::{Bulk, Param, Statement};
use uuid::Uuid;

use super::rows::{Start, total};
use super::{Store, failed};
use crate::Result;
use crate::model::Owner;

/// What is counted.
pub(super) type Kind = &'static str;
pub(super) const THING: Kind = "thing";
pub(super) const CHANNEL: Kind = "channel";

pub(super) const THINGS: &str =
    "SELECT id FROM things WHERE owner = $1 AND id > $2 ORDER BY id LIMIT 1 OFFSET $3";
pub(super) const CHANNELS: &str =
    "SELECT id FROM channels WHERE owner = $1 AND id > $2 ORDER BY id LIMIT 1 OFFSET $3";

static ADD: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO owned (owner, kind, prefix, count) VALUES",
        4,
        "ON CONFLICT (owner, kind, prefix) DO UPDATE SET count = owned.count + excluded.count",
    )
});

/// What came and what went; in one order, so that nobody waits crosswise.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<(Owner, Kind, Uuid), i64>);

impl Changes {
    /// Notes one more, or one less, of a kind.
    pub(super) fn add(&mut self, owner: Owner, kind: Kind, id: Uuid, by: i64) {
        *self.0.entry((owner, kind, prefix(id))).or_default() += by;
    }

    /// Returns the statements that count it.
    pub(super) fn statements(&self) -> Result<Vec<Statement<'_>>> {
        let values = self.0.iter().flat_map(|((owner, kind, prefix), by)| {
            let values: [&dyn Param; 4] = [owner, kind, prefix, by];
            values
        });
        ADD.statements(&values.collect::<Vec<_>>()).map_err(failed)
    }
}

/// Returns the least id with the same first byte; no thing or channel has it, it has no version.
fn prefix(id: Uuid) -> Uuid {
    let mut bytes = [0; 16];
    bytes[0] = id.as_bytes()[0];
    Uuid::from_bytes(bytes)
}

impl Store {
    /// Finds where a part of all that an owner has of a kind begins.
    pub(super) async fn start_of_all(
        &self,
        owner: Owner,
        kind: Kind,
        query: PageQuery,
    ) -> Result<Start> {
        if let Some(after) = query.after {
            return Ok(Start::after(after));
        }
        let sql = "SELECT prefix, before, total
            FROM (SELECT prefix, CAST(SUM(count) OVER (ORDER BY prefix) AS BIGINT) - count AS before,
                    CAST(SUM(count) OVER () AS BIGINT) AS total
                FROM owned WHERE owner = $1 AND kind = $2) AS ranges
            WHERE before <= $3 ORDER BY prefix DESC LIMIT 1";
        let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
        let row = self.db.query_opt(sql, &[&owner, &kind, &offset]).await;
        let Some(row) = row.map_err(failed)? else {
            return Ok(Start::counted(0, query));
        };
        let before: i64 = row.get("before").map_err(failed)?;
        let start = Start {
            after: row.get("prefix").map_err(failed)?,
            skip: offset - before,
            total: Some(total(&row)?),
        };
        let ids = if kind == THING { THINGS } else { CHANNELS };
        self.skip(start, ids, &owner).await
    }

    /// Goes to where a part of a list begins, by ids alone: they are all in an index, and what is left out is not read.
    pub(super) async fn skip(
        &self,
        start: Start,
        ids: &'static str,
        whose: &dyn Param,
    ) -> Result<Start> {
        if start.skip == 0 {
            return Ok(start);
        }
        let last = start.skip - 1;
        let row = self.db.query_opt(ids, &[whose, &start.after, &last]).await;
        let after = match row.map_err(failed)? {
            Some(row) => row.get("id").map_err(failed)?,
            None => Uuid::max(),
        };
        Ok(Start {
            after,
            skip: 0,
            ..start
        })
    }

    /// Finds where a part of any other list begins, with a statement that counts the whole.
    pub(super) async fn start(&self, query: PageQuery, count: Statement<'_>) -> Result<Start> {
        if let Some(after) = query.after {
            return Ok(Start::after(after));
        }
        let row = self.db.query_opt(count.sql, &count.params).await;
        let row = row.map_err(failed)?;
        Ok(Start::counted(row.as_ref().map_or(Ok(0), total)?, query))
    }
}
