//! Events written in the same transaction as the rows they describe, numbered without gaps in the order of commits.

use std::sync::LazyLock;

use model::Timestamp;

use crate::{Bulk, Db, Error, Migration, Param, Result, Row, Sql, Statement, Tx};

static INSERT: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("INSERT INTO outbox (number, at, event) VALUES", 3, ""));

/// Events after a number, as [`since`] finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The events with their numbers, in order, at most as many as were asked for.
    pub events: Vec<(u64, String)>,
    /// The number of the latest event there is, also when it is not among these.
    pub latest: u64,
    /// Whether nothing between the given number and the first event is missing.
    pub complete: bool,
}

/// Returns the migration that creates the outbox, to be put among those of a service.
pub const fn migration(version: u32) -> Migration {
    Migration {
        version,
        name: "outbox",
        sql: Sql::Both(include_str!("outbox.sql")),
    }
}

/// Adds an event made from its number, and returns the number.
///
/// Transactions that add events wait for each other from here to their commit, so call it last.
///
/// # Errors
/// As [`Tx::query`].
pub async fn add(tx: &Tx, at: Timestamp, event: impl FnOnce(u64) -> String + Send) -> Result<u64> {
    let first = reserve(tx, Vec::new(), 1).await?;
    write(tx, &[NewEvent::new(first, at, event(first))], Vec::new()).await?;
    Ok(first)
}

/// Runs statements, then takes numbers for so many events, and returns the first of them.
///
/// Transactions that add events wait for each other from here to their commit.
///
/// # Errors
/// As [`Tx::query_all`].
pub async fn reserve(tx: &Tx, mut before: Vec<Statement<'_>>, count: usize) -> Result<u64> {
    let count = i64::try_from(count).map_err(Error::internal)?;
    let sql = "UPDATE outbox_counter SET number = number + $1 WHERE id = 1 RETURNING number";
    let params: &[&dyn Param] = &[&count];
    before.push(Statement::new(sql, params));
    let rows = tx.query_all(&before).await?.pop().unwrap_or_default();
    let row = rows.first();
    let row = row.ok_or_else(|| Error::internal("the counter of the outbox is missing"))?;
    u64::try_from(row.get::<i64>("number")? - count + 1).map_err(Error::internal)
}

/// Adds events whose numbers were taken, runs statements, and returns the rows of each of these.
///
/// # Errors
/// As [`Tx::query_all`].
pub async fn write(
    tx: &Tx,
    events: &[NewEvent],
    then: Vec<Statement<'_>>,
) -> Result<Vec<Vec<Row>>> {
    let values = events.iter().flat_map(|NewEvent { number, at, event }| {
        let values: [&dyn Param; 3] = [number, at, event];
        values
    });
    let mut statements = INSERT.statements(&values.collect::<Vec<_>>())?;
    let inserts = statements.len();
    statements.extend(then);
    Ok(tx.query_all(&statements).await?.split_off(inserts))
}

/// An event with its number, to be written.
#[derive(Debug)]
pub struct NewEvent {
    number: i64,
    at: Timestamp,
    event: String,
}

impl NewEvent {
    /// Makes it of its number, its time and what happened.
    pub fn new(number: u64, at: Timestamp, event: String) -> Self {
        let number = signed(number);
        Self { number, at, event }
    }
}

/// Waits for the transactions that are adding events, and makes later ones wait until this one ends.
///
/// # Errors
/// As [`Tx::execute`].
pub async fn lock(tx: &Tx) -> Result<()> {
    let sql = "UPDATE outbox_counter SET number = number WHERE id = 1";
    tx.execute(sql, &[]).await.map(drop)
}

/// Returns the oldest events that are not published yet.
///
/// # Errors
/// As [`Db::query`].
pub async fn pending(db: &Db, limit: u32) -> Result<Vec<(u64, String)>> {
    db.query(
        "SELECT number, event FROM outbox WHERE NOT published ORDER BY number LIMIT $1",
        &[&i64::from(limit)],
    )
    .await?
    .iter()
    .map(|row| Ok((number(row, "number")?, row.get("event")?)))
    .collect()
}

/// Marks every event up to a number as published.
///
/// # Errors
/// As [`Db::execute`].
pub async fn mark_published(db: &Db, upto: u64) -> Result<()> {
    db.execute(
        "UPDATE outbox SET published = TRUE WHERE NOT published AND number <= $1",
        &[&signed(upto)],
    )
    .await
    .map(drop)
}

/// Returns events after a number, published or not.
///
/// # Errors
/// As [`Db::query`].
pub async fn since(db: &Db, after: u64, limit: u32) -> Result<Since> {
    // One statement, so that the counter and the events are of one moment.
    let rows = db
        .query(
            "SELECT c.number AS latest, o.number AS number, o.event AS event
             FROM outbox_counter c LEFT JOIN outbox o ON o.number > $1
             WHERE c.id = 1 ORDER BY o.number LIMIT $2",
            &[&signed(after), &i64::from(limit.max(1))],
        )
        .await?;
    let mut events = Vec::new();
    let mut latest = 0;
    for row in &rows {
        latest = number(row, "latest")?;
        if row.get::<Option<i64>>("number")?.is_some() {
            events.push((number(row, "number")?, row.get("event")?));
        }
    }
    let complete = match events.first() {
        Some((first, _)) => *first == after.saturating_add(1),
        None => latest == after,
    };
    Ok(Since {
        events,
        latest,
        complete,
    })
}

/// Deletes published events older than a moment, oldest first and never leaving a gap; returns how many.
///
/// # Errors
/// As [`Db::execute`].
pub async fn trim(db: &Db, before: Timestamp, limit: u32) -> Result<u64> {
    db.execute(
        "DELETE FROM outbox
         WHERE number IN (SELECT number FROM outbox ORDER BY number LIMIT $2)
           AND number < COALESCE(
               (SELECT number FROM outbox WHERE NOT published OR at >= $1 ORDER BY number LIMIT 1),
               (SELECT number + 1 FROM outbox_counter WHERE id = 1))",
        &[&before, &i64::from(limit)],
    )
    .await
}

fn number(row: &Row, column: &str) -> Result<u64> {
    u64::try_from(row.get::<i64>(column)?).map_err(Error::internal)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
