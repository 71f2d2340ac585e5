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

/// The partitions of PostgreSQL, one per week that has entries.
#[derive(Debug)]
pub(crate) struct Partitions {
    /// The weeks since the Unix epoch that are known to have one.
    made: Mutex<BTreeSet<i64>>,
}

impl Partitions {
    /// Returns nothing where the table is not cut by PostgreSQL: on SQLite, and where TimescaleDB cuts it.
    pub(crate) async fn find(db: &Db) -> Result<Option<Self>> {
        let Db::Postgres(_) = db else {
            return Ok(None);
        };
        let sql = "SELECT 1 AS one FROM pg_partitioned_table WHERE partrelid = CAST('messages' AS regclass)";
        if db.query(sql, &[]).await?.is_empty() {
            return Ok(None);
        }
        let made = Mutex::new(weeks(db).await?);
        Ok(Some(Self { made }))
    }

    /// Makes the partitions these times belong into.
    pub(crate) async fn make_room(
        &self,
        db: &Db,
        times: impl Iterator<Item = f64>,
        now: Timestamp,
    ) -> Result<()> {
        let this_week = now.seconds().div_euclid(WEEK);
        let near = this_week - PAST..=this_week + FUTURE;
        let mut needed: BTreeSet<i64> = times.map(week_of).collect();
        {
            let made = self.made.lock();
            needed.retain(|week| near.contains(week) && !made.contains(week));
        }
        for week in needed {
            // Another process may have made it.
            if !weeks(db).await?.contains(&week) {
                make(db, week).await?;
                tracing::info!(week, "partition made");
            }
            self.made.lock().insert(week);
        }
        Ok(())
    }

    /// Drops the partitions that end before a time; returns how many.
    pub(crate) async fn drop_before(&self, db: &Db, time: f64) -> Result<usize> {
        let old: Vec<i64> = weeks(db)
            .await?
            .into_iter()
            .take_while(|week| *week < week_of(time))
            .collect();
        for week in &old {
            self.made.lock().remove(week);
            remove(db, *week).await?;
            tracing::info!(week, "partition dropped");
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

/// Makes a partition, and takes into it what is there already from when the week was far away.
async fn make(db: &Db, week: i64) -> Result<()> {
    let (from, to) = (week * WEEK, (week + 1) * WEEK);
    in_transaction(
        db,
        &format!(
            "CREATE TABLE messages_w{week} (LIKE messages INCLUDING ALL);
        WITH moved AS (DELETE FROM messages_other WHERE time >= {from} AND time < {to} RETURNING *)
            INSERT INTO messages_w{week} SELECT * FROM moved;
        ALTER TABLE messages ATTACH PARTITION messages_w{week} FOR VALUES FROM ({from}) TO ({to})"
        ),
    )
    .await
}

async fn remove(db: &Db, week: i64) -> Result<()> {
    in_transaction(
        db,
        &format!(
            "LOCK TABLE messages_w{week};
        UPDATE channel_usage SET bytes = bytes - gone.size
            FROM (SELECT channel, SUM(size) AS size FROM messages_w{week} GROUP BY channel) AS gone
            WHERE channel_usage.channel = gone.channel;
        DROP TABLE messages_w{week}"
        ),
    )
    .await
}

async fn in_transaction(db: &Db, sql: &str) -> Result<()> {
    let tx: Tx = db.begin().await?;
    tx.batch(sql).await?;
    tx.commit().await
}
