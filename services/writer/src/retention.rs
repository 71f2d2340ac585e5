//! Deletes what is too old or too much.

use std::time::Duration;

use history::{Excess, Trimmed};
use model::{BoxError, ChannelId, Result, Timestamp};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Writer;

/// How many channels are looked up at a time.
const CHANNELS: u32 = 1000;

impl Writer {
    /// Looks for what is too old or too much, again and again until stopped.
    ///
    /// # Errors
    /// Never by itself: what fails is tried the next time.
    pub async fn retain(&self, stop: &CancellationToken) -> Result<(), BoxError> {
        loop {
            tokio::select! {
                () = sleep(self.retention.interval) => {}
                () = stop.cancelled() => return Ok(()),
            }
            tokio::select! {
                swept = self.sweep(Timestamp::now()) => if let Err(error) = swept {
                    tracing::warn!(%error, "old messages are not deleted yet");
                },
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Deletes what is too old at a moment, and what is too much; nothing when another process is at it.
    ///
    /// # Errors
    /// When the database or things cannot be reached.
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        let Some(_lead) = self.history.lead("retention").await? else {
            return Ok(());
        };
        if let Some(age) = self.retention.max_age {
            self.history.drop_before(before(now, age)).await?;
        }
        let mut after = None;
        loop {
            let page = self.history.usage(after, CHANNELS).await?;
            for (channel, bytes) in &page {
                self.sweep_channel(*channel, *bytes, now).await?;
            }
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(*last);
        }
    }

    async fn sweep_channel(&self, channel: ChannelId, bytes: u64, now: Timestamp) -> Result<()> {
        let wishes = self.channels.wishes(channel).await?;
        let mut old = Trimmed::default();
        if let Some(age) = least(self.retention.max_age, wishes.max_age) {
            let excess = Excess::Before(before(now, age));
            old = self.history.trim(channel, excess).await?;
        }
        let mut deleted = old.entries;
        let left = bytes.saturating_sub(old.bytes);
        if let Some(most) = least(self.retention.max_bytes, wishes.max_bytes)
            && left > most
        {
            let excess = Excess::Bytes(left - most);
            deleted += self.history.trim(channel, excess).await?.entries;
        }
        if deleted > 0 {
            metrics::counter!("writer_entries_deleted_total").increment(deleted);
            tracing::info!(channel.id = %channel, deleted, "old messages deleted");
        }
        Ok(())
    }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.into_iter().chain(b).min()
}

fn before(now: Timestamp, age: Duration) -> f64 {
    Duration::from_micros(u64::try_from(now.micros()).unwrap_or_default())
        .saturating_sub(age)
        .as_secs_f64()
}
