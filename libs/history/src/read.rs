use model::ChannelId;
use senml::{Record, Value};
use storage::{Column, Result, Row};

use crate::query::{Values, filtered};
use crate::{Content, Cursor, Entry, History, Query, Raw};

const PAGE: &str = filtered!(
    "SELECT size, time, id, part, subtopic, publisher, protocol, name, unit, value, string_value, bool_value,
        data_value, value_sum, update_time, link, content_type, payload, reason",
    "AND (time, id, part) < ($14, $15, $16) ORDER BY time DESC, id DESC, part DESC LIMIT $17 OFFSET $18"
);

/// The place of the size in it; the others follow.
const SIZE: usize = 0;

/// Which part of what a query finds is read.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// Where to go on, from the page before; none begins with the newest entry.
    pub after: Option<Cursor>,
    /// How many entries to leave out first.
    pub offset: u64,
    /// The most entries.
    pub limit: u32,
    /// About the most bytes; the page ends with the entry that goes beyond.
    pub bytes: usize,
}

/// A part of what a query finds, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where to go on; none when there is nothing more.
    pub next: Option<Cursor>,
}

/// How many bytes of a page are left; a row may have those of a whole message.
struct Budget(Option<usize>);

impl Budget {
    fn new(bytes: usize) -> Self {
        Self(Some(bytes))
    }

    /// Tells whether it was overspent before this row.
    fn spend(&mut self, row: &Row) -> Result<bool> {
        let Some(left) = self.0 else {
            return Ok(true);
        };
        let size = usize::try_from(row.at::<i64>(SIZE)?).unwrap_or_default();
        self.0 = left.checked_sub(size);
        Ok(false)
    }
}

impl History {
    /// Reads a page.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn read(&self, query: &Query, paging: Paging) -> Result<Page> {
        let mut after = query.start(paging.after);
        let mut budget = Budget::new(paging.bytes);
        let mut entries: Vec<Entry> = Vec::new();
        for row in &self.rows(query, paging, after).await? {
            if entries.len() == paging.limit as usize || budget.spend(row)? {
                let next = Some(after);
                return Ok(Page { entries, next });
            }
            let entry = entry(query.channel, row)?;
            after = Cursor {
                time: entry.time(),
                id: entry.id,
                part: entry.part,
            };
            entries.push(entry);
        }
        let next = None;
        Ok(Page { entries, next })
    }

    /// Returns the rows of a page, and one more if there is one.
    async fn rows(&self, query: &Query, paging: Paging, after: Cursor) -> Result<Vec<Row>> {
        // The time by itself tells PostgreSQL which partitions do not matter, and SQLite where to begin.
        let values = Values::new(query).up_to(after.time);
        let limit = i64::from(paging.limit) + 1;
        let offset = i64::try_from(paging.offset).unwrap_or(i64::MAX);
        let params = values.and(&[&after.time, &after.id, &after.part, &limit, &offset]);
        let mut budget = Budget::new(paging.bytes);
        let enough = move |row: &Row| budget.spend(row);
        self.db.query_until(PAGE, &params, enough).await
    }

    /// Counts all that a query finds.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn count(&self, query: &Query) -> Result<u64> {
        let sql = filtered!("SELECT COUNT(*) AS total", "");
        let values = Values::new(query);
        let row = self.db.query_opt(sql, &values.and(&[])).await?;
        total(row.as_ref())
    }
}

pub(crate) fn total(row: Option<&Row>) -> Result<u64> {
    let total = row.map_or(Ok(0), |row| row.get::<i64>("total"))?;
    Ok(u64::try_from(total).unwrap_or_default())
}

/// The values of a row of [`PAGE`], taken one after the other.
struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl Columns<'_> {
    fn take<T: Column>(&mut self) -> Result<T> {
        let value = self.row.at(self.next)?;
        self.next += 1;
        Ok(value)
    }

    fn content(&mut self, time: f64) -> Result<Content> {
        let record = self.record(time)?;
        let content_type: Option<String> = self.take()?;
        let payload: Option<Vec<u8>> = self.take()?;
        let reason: Option<String> = self.take()?;
        Ok(match payload {
            Some(payload) => Content::Raw(Raw {
                time,
                content_type: content_type.unwrap_or_default(),
                payload: payload.into(),
                reason: reason.unwrap_or_default(),
            }),
            None => Content::Record(record),
        })
    }

    /// Takes a record; where there is a payload, it is empty.
    fn record(&mut self, time: f64) -> Result<Record> {
        let name: Option<String> = self.take()?;
        let unit = self.take()?;
        let number = self.take::<Option<f64>>()?.map(Value::Number);
        let text = self.take::<Option<String>>()?.map(Value::Text);
        let bool = self.take::<Option<bool>>()?.map(Value::Bool);
        let data = self.take::<Option<String>>()?.map(Value::Data);
        Ok(Record {
            name: name.unwrap_or_default(),
            unit,
            value: number.or(text).or(bool).or(data),
            sum: self.take()?,
            time,
            update_time: self.take()?,
            link: self.take()?,
        })
    }
}

fn entry(channel: ChannelId, row: &Row) -> Result<Entry> {
    let next = SIZE + 1;
    let mut columns = Columns { row, next };
    let time = columns.take()?;
    Ok(Entry {
        id: columns.take()?,
        part: columns.take()?,
        channel,
        subtopic: columns.take()?,
        publisher: columns.take()?,
        protocol: columns.take()?,
        content: columns.content(time)?,
    })
}

#[cfg(test)]
mod tests {
    use storage::{Param, Settings};

    use super::*;

    /// What PostgreSQL does is in tests/contract.
    #[tokio::test]
    async fn sqlite_reads_nothing_of_what_comes_before_a_cursor() {
        let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
        let history = History::open(db).await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {PAGE}").leak();
        let params = [&0_i64 as &dyn Param; 18];
        let rows = history.db.query(explain, &params).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
        let expected = "SEARCH messages USING PRIMARY KEY (channel=? AND time>? AND time<?)";
        assert_eq!(plan, [expected]);
    }
}
