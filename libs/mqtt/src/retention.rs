use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use messaging::{Bucket, Entry, Message};
use model::{Error, ErrorKind, MessageId, Result, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::retained::{Retained, RetainedKey, RetainedLimits, encode_retained};
use crate::store::watch_again;
use crate::topic::TopicFilter;

/// How many retained messages are looked at while the store is locked.
const CHUNK: usize = 1024;
/// How long a change that is durable may take to come back from the bucket before it is acknowledged anyway.
const ECHO_TIMEOUT: Duration = Duration::from_secs(1);

/// The retained messages in memory. They change only by what the bucket reports, so that all nodes agree on the last one
/// of a topic; who changes one waits for that report.
pub(crate) struct Retention {
    bucket: Arc<dyn Bucket>,
    limits: RetainedLimits,
    kept: RwLock<Retained>,
    echoes: Mutex<Echoes>,
}

#[derive(Default)]
struct Echoes {
    put: HashMap<MessageId, oneshot::Sender<()>>,
    deleted: HashMap<RetainedKey, Vec<oneshot::Sender<()>>>,
}

impl Retention {
    /// Makes the store, filled with what the bucket has; the rest of the reports is for [`Self::follow`].
    pub(crate) async fn open(
        bucket: Arc<dyn Bucket>,
        limits: RetainedLimits,
    ) -> Result<(Self, mpsc::Receiver<Entry>)> {
        let mut reports = bucket.watch().await?;
        let kept = fill(&mut reports, limits).await;
        let this = Self {
            bucket,
            limits,
            kept: RwLock::new(kept),
            echoes: Mutex::default(),
        };
        Ok((this, reports))
    }

    /// Applies the reports of the bucket for ever.
    pub(crate) async fn follow(&self, mut reports: mpsc::Receiver<Entry>) {
        loop {
            while let Some(entry) = reports.recv().await {
                apply(&mut self.kept.write(), &entry);
                self.echo(&entry);
            }
            reports = watch_again(self.bucket.as_ref()).await;
            *self.kept.write() = fill(&mut reports, self.limits).await;
        }
    }

    fn echo(&self, entry: &Entry) {
        let mut echoes = self.echoes.lock();
        let waiting = match entry {
            Entry::Put(_, value) if !echoes.put.is_empty() => {
                let message = <Message as messaging::Record>::decode(value);
                let waiter = message
                    .ok()
                    .and_then(|message| echoes.put.remove(&message.id));
                waiter.into_iter().collect()
            }
            Entry::Deleted(key) => RetainedKey::parse(key)
                .and_then(|key| echoes.deleted.remove(&key))
                .unwrap_or_default(),
            Entry::Put(..) | Entry::Current => Vec::new(),
        };
        for waiter in waiting {
            // Whoever stopped waiting needs no answer.
            let _ = waiter.send(());
        }
    }

    /// Keeps a message as the last one of its topic, or removes that when the payload is empty; returns when the change
    /// is durable and seen.
    pub(crate) async fn keep(&self, message: &Message) -> Result<()> {
        let key = RetainedKey::of(message);
        let (sender, echo) = oneshot::channel();
        if message.payload.is_empty() {
            self.echoes
                .lock()
                .deleted
                .entry(key)
                .or_default()
                .push(sender);
            let deleted = self.bucket.delete(&key.to_string()).await;
            // Where there was nothing no report may follow.
            if deleted.is_ok() && self.kept.read().get(key).is_some() {
                let _ = timeout(ECHO_TIMEOUT, echo).await;
            }
            self.echoes.lock().deleted.remove(&key);
            return deleted;
        }
        self.kept
            .read()
            .admit(message)
            .map_err(|full| Error::new(ErrorKind::Exhausted, "retained_full", full.to_string()))?;
        self.echoes.lock().put.insert(message.id, sender);
        let put = self
            .bucket
            .put(&key.to_string(), encode_retained(message))
            .await;
        if put.is_ok() {
            let _ = timeout(ECHO_TIMEOUT, echo).await;
        }
        self.echoes.lock().put.remove(&message.id);
        put
    }

    /// Tells whether a message is the one that is kept of its topic.
    pub(crate) fn has(&self, message: &Message) -> bool {
        let kept = self.kept.read();
        let current = kept.get(RetainedKey::of(message));
        current.is_some_and(|current| current.id == message.id)
    }

    /// Returns the messages a filter matches.
    pub(crate) fn find(&self, filter: &TopicFilter) -> Vec<Arc<Message>> {
        let now = Timestamp::now();
        let mut found = Vec::new();
        let mut after = None;
        loop {
            after = self.kept.read().find(filter, after, CHUNK, now, &mut found);
            if after.is_none() {
                return found;
            }
        }
    }

    /// Removes what has expired.
    pub(crate) async fn expire(&self) {
        let expired = self.kept.write().expire(Timestamp::now());
        for key in expired {
            if let Err(error) = self.bucket.delete(&key.to_string()).await {
                tracing::warn!(%error, "an expired retained message could not be removed");
            }
        }
    }
}

async fn fill(reports: &mut mpsc::Receiver<Entry>, limits: RetainedLimits) -> Retained {
    let mut kept = Retained::new(limits);
    while let Some(entry) = reports.recv().await {
        if entry == Entry::Current {
            break;
        }
        apply(&mut kept, &entry);
    }
    kept
}

fn apply(kept: &mut Retained, entry: &Entry) {
    if let Err(error) = kept.apply(entry) {
        tracing::warn!(%error, "a retained message is left out");
    }
}
