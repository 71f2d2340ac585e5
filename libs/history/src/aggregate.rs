use storage::Result;

use crate::query::{Values, filtered};
use crate::read::total;
use crate::{Cursor, History, Paging, Query};

/// A length of time into whose multiples since the Unix epoch entries are grouped, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval(f64);

impl Interval {
    /// Takes seconds, from a millisecond on.
    pub fn seconds(seconds: f64) -> Option<Self> {
        (seconds >= 0.001 && seconds.is_finite()).then_some(Self(seconds))
    }
}

/// The numbers of an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// Its first second.
    pub time: f64,
    /// The unit, when all numbers have the same.
    pub unit: Option<String>,
    /// The least number.
    pub min: f64,
    /// The greatest number.
    pub max: f64,
    /// The mean of the numbers.
    pub avg: f64,
    /// The sum of the numbers.
    pub sum: f64,
    /// How many numbers there are.
    pub count: u64,
}

impl History {
    /// Groups the numbers that a query finds, newest interval first; also returns where to go on, if there is more.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn aggregate(
        &self,
        query: &Query,
        interval: Interval,
        paging: Paging,
    ) -> Result<(Vec<Bucket>, Option<Cursor>)> {
        let sql = filtered!(
            "SELECT floor(time / $14) * $14 AS since, MIN(value) AS min, MAX(value) AS max, AVG(value) AS avg,
                SUM(value) AS sum, COUNT(value) AS count,
                CASE WHEN COUNT(unit) = COUNT(*) AND MIN(unit) = MAX(unit) THEN MIN(unit) END AS unit",
            "AND value IS NOT NULL GROUP BY since ORDER BY since DESC LIMIT $15 OFFSET $16"
        );
        let last = paging
            .after
            .map_or(f64::MAX, |after| after.time.next_down());
        let values = Values::new(query).up_to(last);
        let limit = i64::from(paging.limit) + 1;
        let offset = i64::try_from(paging.offset).unwrap_or(i64::MAX);
        let params = values.and(&[&interval.0, &limit, &offset]);
        let mut buckets = Vec::new();
        for row in self.db.query(sql, &params).await? {
            buckets.push(Bucket {
                time: row.get("since")?,
                unit: row.get("unit")?,
                min: row.get("min")?,
                max: row.get("max")?,
                avg: row.get("avg")?,
                sum: row.get("sum")?,
                count: u64::try_from(row.get::<i64>("count")?).unwrap_or_default(),
            });
        }
        let is_more = buckets.len() > paging.limit as usize;
        buckets.truncate(paging.limit as usize);
        let next = buckets.last().map(|bucket| Cursor::at(bucket.time));
        Ok((buckets, next.filter(|_| is_more)))
    }

    /// Counts the intervals that have numbers.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn count_buckets(&self, query: &Query, interval: Interval) -> Result<u64> {
        let sql = filtered!(
            "SELECT COUNT(DISTINCT floor(time / $14)) AS total",
            "AND value IS NOT NULL"
        );
        let values = Values::new(query);
        let row = self.db.query_opt(sql, &values.and(&[&interval.0])).await?;
        total(row.as_ref())
    }
}
