//! From the outbox of a service to the EVENTS stream: in order, at least once, by one replica at a time.

use std::sync::Arc;
use std::time::Duration;

use model::{BoxError, Timestamp};
use proto::Event;
use storage::{Db, LockGuard, outbox};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::Bus;

/// How long an event of another replica may wait in the outbox before it is looked for.
const POLL: Duration = Duration::from_millis(250);
/// How long to wait after something failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How many events are read at a time.
const BATCH: u32 = 100;
/// How long published events are kept, for adapters that lost the stream.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often and how many old events are removed.
const TRIM_INTERVAL: Duration = Duration::from_secs(600);
const TRIM_BATCH: u32 = 10_000;

/// Publishes what a service leaves in its outbox, until `stop`; `wake` says that there is something new.
///
/// Failures of the database or the bus are waited out: the outbox keeps what was not published.
///
/// # Errors
/// None; the type is that of the tasks of a process.
pub async fn relay(
    db: Db,
    source: &'static str,
    events: Arc<dyn Bus<Event>>,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    let relay = Relay {
        db,
        source,
        events,
        wake,
    };
    // An event that is being published when the stop comes is published again by the next relay.
    stop.run_until_cancelled(relay.run()).await;
    Ok(())
}

struct Relay {
    db: Db,
    source: &'static str,
    events: Arc<dyn Bus<Event>>,
    wake: Arc<Notify>,
}

impl Relay {
    async fn run(&self) {
        loop {
            match self.lead().await {
                Ok(()) => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    tracing::warn!(
                        source = self.source,
                        error = &*error,
                        "cannot relay events, trying again"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Relays for as long as this replica holds the lock.
    async fn lead(&self) -> Result<(), BoxError> {
        let Some(lock) = self.db.lock(&format!("outbox-{}", self.source)).await? else {
            return Ok(());
        };
        let mut trimmed: Option<Instant> = None;
        while lock.is_held().await {
            self.publish_pending(&lock).await?;
            if trimmed.is_none_or(|at| at.elapsed() > TRIM_INTERVAL) {
                let before = Timestamp::from_micros(
                    Timestamp::now().micros() - i64::try_from(KEPT.as_micros())?,
                );
                outbox::trim(&self.db, before, TRIM_BATCH).await?;
                trimmed = Some(Instant::now());
            }
            let _polled_when_nobody_woke_us = timeout(POLL, self.wake.notified()).await;
        }
        Ok(())
    }

    async fn publish_pending(&self, lock: &LockGuard) -> Result<(), BoxError> {
        loop {
            let pending = outbox::pending(&self.db, BATCH).await?;
            let Some((last, _)) = pending.last() else {
                return Ok(());
            };
            for (number, json) in &pending {
                match serde_json::from_str::<Event>(json) {
                    Ok(event) => drop(self.events.publish(Arc::new(event)).await?),
                    // Only a newer version can have written it; holding back all that follows would be worse.
                    Err(error) => {
                        tracing::error!(source = self.source, number, %error, "an event cannot be read")
                    }
                }
            }
            outbox::mark_published(&self.db, *last).await?;
            if !lock.is_held().await {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
