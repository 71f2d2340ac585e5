//! Batches into the database, where one message that it refuses must not stop all others.

use messaging::Message;
use model::Timestamp;
use storage::Error;

use crate::batch::Closed;
use crate::{Writer, decode};

impl Writer {
    /// Stores a batch.
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses even the bytes of a message.
    pub(crate) async fn store(&self, batch: &Closed) -> model::Result<()> {
        let stored = match self
            .history
            .write(batch.entries.clone(), Timestamp::now())
            .await
        {
            Err(Error::Internal(reason)) => {
                tracing::warn!(%reason, "a batch was refused; its messages are stored one by one");
                self.store_apart(batch).await?
            }
            result => result?,
        };
        let now = Timestamp::now();
        self.meters.stored.increment(stored as u64);
        let repeated = batch.entries.len().saturating_sub(stored);
        self.meters.repeated.increment(repeated as u64);
        for (message, _) in batch.apart() {
            self.meters.age.record(now.since(message.created));
        }
        Ok(())
    }

    async fn store_apart(&self, batch: &Closed) -> model::Result<usize> {
        let mut stored = 0;
        for (message, entries) in batch.apart() {
            stored += match self.history.write(entries, Timestamp::now()).await {
                Err(Error::Internal(reason)) => {
                    self.store_raw(message, &reason.to_string()).await?
                }
                result => result?,
            };
        }
        Ok(stored)
    }

    async fn store_raw(&self, message: &Message, reason: &str) -> model::Result<usize> {
        tracing::error!(reason, channel.id = %message.channel, "the database refuses a message; it is kept as it came");
        self.meters.raw("refused");
        let entry = decode::raw(message, "the database refused its records");
        Ok(self.history.write([entry], Timestamp::now()).await?)
    }
}
