use std::collections::BTreeSet;

use model::Timestamp;
use parking_lot::Mutex;
use storage::{Db, Result, Tx};

/// The seconds that one partition has.
const WEEK: i64 = 7 * 24 * 3600;
/// How many weeks before now and after it may have partitions; devices may say any time, and what is further away is
/// stored together.
const PAST: i64 = 520;
const FUTURE: i64 = 5;

/// How PostgreSQL cuts the table, into a part per week that has entries.
#[derive(Debug)]
pub(crate) enum Partitions {
    /// By itself: the weeks since the Unix epoch that are known to have a partition.
    Weeks(Mutex<BTreeSet<i64>>),
    /// By TimescaleDB, which makes chunks when they are needed.
    Chunks,
}

impl Partitions {
    /// Returns nothing where the table is whole.
    pub(crate) async fn find(db: &Db) -> Result<Option<Self>> {
        let Db::Postgres(_) = db else {
            return Ok(None);
        };
        let sql = "SELECT relkind = 'p' AS is_cut, to_regclass('timescaledb_information.chunks') IS NOT NULL AS has_timescale
            FROM pg_class WHERE oid = CAST('messages' AS regclass)";
        let Some(row) = db.query_opt(sql, &[]).await? else {
            return Ok(None);
        };
        if row.get("is_cut")? {
            let made = Mutex::new(weeks(db).await?);
            return Ok(Some(Self::Weeks(made)));
        }
        let has_timescale: bool = row.get("has_timescale")?;
        Ok(has_timescale.then_some(Self::Chunks))
    }

    /// Makes the partitions these times belong into.
    pub(crate) async fn make_room(
        &self,
        db: &Db,
        times: impl Iterator<Item = f64>,
        now: Timestamp,
    ) -> Result<()> {
        let Self::Weeks(made) = self else {
            return Ok(());
        };
        let this_week = now.seconds().div_euclid(WEEK);
        let near = this_week - PAST..=this_week + FUTURE;
        let mut needed: BTreeSet<i64> = times.map(week_of).collect();
        {
            let made = made.lock();
            needed.retain(|week| near.contains(week) && !made.contains(week));
        }
        for week in needed {
            // Another process may have made it.
            if !weeks(db).await?.contains(&week) {
                make(db, week).await?;
                tracing::info!(week, "partition made");
            }
            made.lock().insert(week);
        }
        Ok(())
    }

    /// Drops the parts that end before a time; returns how many.
    pub(crate) async fn drop_before(&self, db: &Db, time: f64) -> Result<usize> {
        let old = match self {
            Self::Weeks(made) => {
                let before = week_of(time);
                let old = weeks(db).await?.into_iter().filter(|week| *week < before);
                let old: Vec<i64> = old.collect();
                made.lock().retain(|week| *week >= before);
                old.into_iter().map(table).collect()
            }
            Self::Chunks => chunks(db, time).await?,
        };
        for table in &old {
            remove(db, table).await?;
            tracing::info!(table, "partition dropped");
        }
        Ok(old.len())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "times end with the year 9999"
)]
fn week_of(time: f64) -> i64 {
    (time as i64).div_euclid(WEEK)
}

fn table(week: i64) -> String {
    format!("messages_w{week}")
}

async fn weeks(db: &Db) -> Result<BTreeSet<i64>> {
    let sql = "SELECT CAST(relname AS TEXT) AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = CAST('messages' AS regclass)";
    let mut weeks = BTreeSet::new();
    for row in db.query(sql, &[]).await? {
        let name: String = row.get("name")?;
        let number = name.strip_prefix("messages_w");
        weeks.extend(number.and_then(|number| number.parse::<i64>().ok()));
    }
    Ok(weeks)
}

/// Returns the chunks that end before a time.
async fn chunks(db: &Db, time: f64) -> Result<Vec<String>> {
    let sql = "SELECT format('%I.%I', chunk_schema, chunk_name) AS name FROM timescaledb_information.chunks
        WHERE hypertable_schema = current_schema() AND hypertable_name = 'messages'
            AND range_end_integer <= CAST($1 AS DOUBLE PRECISION) * 1000000";
    let rows = db.query(sql, &[&time]).await?;
    rows.iter().map(|row| row.get("name")).collect()
}

/// Makes a partition, and takes into it what is there already from when the week was far away.
async fn make(db: &Db, week: i64) -> Result<()> {
    let (table, from, to) = (table(week), week * WEEK, (week + 1) * WEEK);
    in_transaction(
        db,
        &format!(
            "CREATE TABLE {table} (LIKE messages INCLUDING ALL);
        WITH moved AS (DELETE FROM messages_other WHERE time >= {from} AND time < {to} RETURNING *)
            INSERT INTO {table} SELECT * FROM moved;
        ALTER TABLE messages ATTACH PARTITION {table} FOR VALUES FROM ({from}) TO ({to})"
        ),
    )
    .await
}

/// Drops a partition or chunk, and counts its entries as gone.
async fn remove(db: &Db, table: &str) -> Result<()> {
    in_transaction(
        db,
        &format!(
            "LOCK TABLE {table};
        UPDATE channel_usage SET bytes = bytes - gone.size
            FROM (SELECT channel, SUM(size) AS size FROM {table} GROUP BY channel) AS gone
            WHERE channel_usage.channel = gone.channel;
        DROP TABLE {table}"
        ),
    )
    .await
}

async fn in_transaction(db: &Db, sql: &str) -> Result<()> {
    let tx: Tx = db.begin().await?;
    tx.batch(sql).await?;
    tx.commit().await
}
