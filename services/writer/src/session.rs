//! Reads the bus while this process is the one that writes.

use std::pin::pin;
use std::time::Duration;

use messaging::{Consumer, Delivery, Filter, Message};
use model::{BoxError, Result};
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::{Writer, decode};

/// The name of the durable consumer.
pub(crate) const CONSUMER: &str = "writer";
/// How long to wait before a failure is tried again, and how often a process that stands by asks whether it is needed.
const PAUSE: Duration = Duration::from_secs(1);

impl Writer {
    /// Stores what comes by the bus until stopped; whatever fails is tried again.
    ///
    /// Only what is stored is acknowledged, so that the bus keeps the rest: for a database that is away as for a writer that is.
    ///
    /// # Errors
    /// Never by itself.
    pub async fn run(&self, stop: &CancellationToken) -> Result<(), BoxError> {
        if self.chosen.is_empty() {
            stop.cancelled().await;
            return Ok(());
        }
        loop {
            let session = self.session(stop).await;
            if stop.is_cancelled() {
                return Ok(());
            }
            if let Err(error) = session {
                self.meters.failures.increment(1);
                tracing::warn!(%error, "messages wait in the bus until they can be stored");
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    async fn session(&self, stop: &CancellationToken) -> Result<()> {
        // Two that write would take the consumer from each other for ever.
        let Some(_lead) = self.history.lead(CONSUMER).await? else {
            return Ok(());
        };
        let mut consumer = self.bus.consumer(CONSUMER, Filter::All).await?;
        let mut batch = Batch::default();
        // What came while the last batch was stored waits in the bus.
        while !stop.is_cancelled() {
            self.fill(&mut batch, &mut *consumer, stop).await?;
            if batch.since().is_some() {
                batch = self.exchange(batch, &mut *consumer).await?;
            }
        }
        Ok(())
    }

    /// Adds to a batch until it is full or its first message has waited long enough, or stopped.
    async fn fill(
        &self,
        batch: &mut Batch,
        consumer: &mut dyn Consumer<Message>,
        stop: &CancellationToken,
    ) -> Result<()> {
        while !batch.is_full(self.batch_size) {
            let deadline = batch.since().map(|since| since + self.batch_timeout);
            let waited = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            // What is there already is taken without looking at the clock each time.
            tokio::select! {
                biased;
                delivery = consumer.next() => self.take(batch, delivery?).await?,
                () = waited => return Ok(()),
                () = stop.cancelled() => return Ok(()),
            }
        }
        Ok(())
    }

    /// Stores a batch and acknowledges it, and returns the next one, which came meanwhile.
    async fn exchange(&self, batch: Batch, consumer: &mut dyn Consumer<Message>) -> Result<Batch> {
        let (batch, mut next) = (batch.close(), Batch::default());
        {
            let mut storing = pin!(self.store(&batch));
            loop {
                tokio::select! {
                    stored = &mut storing => break stored?,
                    delivery = consumer.next(), if !next.is_full(self.batch_size) => {
                        self.take(&mut next, delivery?).await?;
                    }
                }
            }
        }
        for seq in batch.seqs() {
            consumer.ack(seq);
        }
        Ok(next)
    }

    async fn take(&self, batch: &mut Batch, delivery: Delivery<Message>) -> Result<()> {
        let message = &*delivery.record;
        let entries = if self.chosen.has(message.channel) {
            self.entries(message).await?
        } else {
            self.meters.skipped.increment(1);
            Vec::new()
        };
        batch.add(delivery, entries);
        Ok(())
    }

    /// Makes the entries of a message, whatever it is.
    async fn entries(&self, message: &Message) -> Result<Vec<history::Entry>> {
        let mut decoded = decode::records(message);
        let mut reason = None;
        if let Err(error) = &decoded
            && decode::is_object(message)
        {
            if self.channels.wishes(message.channel).await?.flatten {
                decoded = decode::flattened(message);
            } else {
                reason = Some(decode::reason(message, error));
            }
        }
        let (code, reason) = match decoded.map(|records| decode::entries(message, records)) {
            Ok(Ok(entries)) => {
                self.meters.decoded.increment(1);
                return Ok(entries);
            }
            Ok(Err(fault)) => ("nul", fault.to_owned()),
            Err(error) => (error.code(), reason.unwrap_or_else(|| error.to_string())),
        };
        self.meters.raw(code);
        Ok(vec![decode::raw(message, &reason)])
    }
}
