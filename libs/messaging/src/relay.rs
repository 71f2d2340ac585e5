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
        let mut failing = false;
        loop {
            match self.lead().await {
                Ok(()) if failing => {
                    tracing::info!(source = self.source, "events are relayed again");
                    failing = false;
                }
                Ok(()) => {}
                // An outage is told once, not twice a second.
                Err(_) if failing => {}
                Err(error) => {
                    tracing::warn!(
                        source = self.source,
                        error = &*error,
                        "cannot relay events, trying again until it works"
                    );
                    failing = true;
                }
            }
            tokio::time::sleep(PAUSE).await;
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
            if pending.is_empty() {
                return Ok(());
            }
            self.publish(&pending).await?;
            if !lock.is_held().await {
                return Ok(());
            }
        }
    }

    /// Publishes events one after the other and marks those that were, also when the next one fails.
    async fn publish(&self, pending: &[(u64, String)]) -> Result<(), BoxError> {
        let mut published = None;
        let mut outcome = Ok(());
        for (number, json) in pending {
            outcome = self.publish_one(*number, json).await;
            if outcome.is_err() {
                break;
            }
            published = Some(*number);
        }
        if let Some(number) = published {
            outbox::mark_published(&self.db, number).await?;
        }
        Ok(outcome?)
    }

    async fn publish_one(&self, number: u64, json: &str) -> model::Result<()> {
        match serde_json::from_str::<Event>(json) {
            Ok(event) => self.events.publish(Arc::new(event)).await.map(drop),
            // Only a newer version can have written it; holding back all that follows would be worse.
            Err(error) => {
                tracing::error!(source = self.source, number, %error, "an event cannot be read");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
