use model::{ChannelId, MessageId};
use storage::Result;

use crate::{Cursor, History};

/// How many entries are deleted in one transaction.
const BATCH: i64 = 1000;

/// What of a channel is too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Excess {
    /// Whatever is before a time.
    Before(f64),
    /// The oldest entries that have these many bytes together.
    Bytes(u64),
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many entries.
    pub entries: u64,
    /// About how many bytes.
    pub bytes: u64,
}

impl History {
    /// Lists channels that have entries, in the order of their ids after one, with about how many bytes they take.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn usage(
        &self,
        after: Option<ChannelId>,
        limit: u32,
    ) -> Result<Vec<(ChannelId, u64)>> {
        let sql = "SELECT channel, bytes FROM channel_usage
            WHERE (CAST($1 AS UUID) IS NULL OR channel > $1) ORDER BY channel LIMIT $2";
        let rows = self.db.query(sql, &[&after, &i64::from(limit)]).await?;
        rows.iter()
            .map(|row| {
                let bytes = u64::try_from(row.get::<i64>("bytes")?).unwrap_or_default();
                Ok((row.get("channel")?, bytes))
            })
            .collect()
    }

    /// Deletes the oldest entries of a channel, in batches until nothing is too much.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn trim(&self, channel: ChannelId, excess: Excess) -> Result<Trimmed> {
        let (before, most) = match excess {
            Excess::Before(time) => (time, i64::MAX),
            Excess::Bytes(bytes) => (f64::MAX, i64::try_from(bytes).unwrap_or(i64::MAX)),
        };
        let (mut entries, mut freed) = (0, 0);
        while freed < most
            && let Some(last) = self.cut(channel, before, most - freed).await?
        {
            let (count, bytes) = self.delete_to(channel, last).await?;
            entries += count;
            freed += bytes;
        }
        let bytes = u64::try_from(freed).unwrap_or_default();
        Ok(Trimmed { entries, bytes })
    }

    /// Drops all partitions whose entries are all before a time, where there are partitions; returns how many.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn drop_before(&self, time: f64) -> Result<usize> {
        match &self.partitions {
            Some(partitions) => partitions.drop_before(&self.db, time).await,
            None => Ok(0),
        }
    }

    /// Finds the last of the oldest entries that make up a batch, or so many bytes.
    async fn cut(&self, channel: ChannelId, before: f64, bytes: i64) -> Result<Option<Cursor>> {
        let sql = "SELECT time, id, part, size FROM messages WHERE channel = $1 AND time <= $2
            ORDER BY time, id, part LIMIT $3";
        let last = before.next_down();
        let rows = self.db.query(sql, &[&channel, &last, &BATCH]).await?;
        let (mut end, mut sum) = (None, 0);
        for row in &rows {
            if sum >= bytes {
                break;
            }
            sum += row.get::<i64>("size")?;
            end = Some(row);
        }
        let cursor = |row: &storage::Row| {
            let id: MessageId = row.get("id")?;
            Ok(Cursor {
                time: row.get("time")?,
                id,
                part: row.get("part")?,
            })
        };
        end.map(cursor).transpose()
    }

    async fn delete_to(&self, channel: ChannelId, last: Cursor) -> Result<(u64, i64)> {
        let sql = "DELETE FROM messages WHERE channel = $1 AND time <= $2 AND (time, id, part) <= ($2, $3, $4)
            RETURNING size";
        let tx = self.db.begin().await?;
        let params: [&dyn storage::Param; 4] = [&channel, &last.time, &last.id, &last.part];
        let rows = tx.query(sql, &params).await?;
        let mut freed = 0;
        for row in &rows {
            freed += row.get::<i64>("size")?;
        }
        let sql = "UPDATE channel_usage SET bytes = bytes - $2 WHERE channel = $1";
        tx.execute(sql, &[&channel, &freed]).await?;
        tx.commit().await?;
        Ok((rows.len() as u64, freed))
    }
}
