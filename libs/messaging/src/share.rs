//! One durable consumer that many read: each record goes to one of them.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use model::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Notify, OnceCell};

use crate::{Consumer, Delivery, Record, Seq};

/// The shared consumers that this process has open, by name.
pub(crate) struct Shares<T: Record>(Mutex<HashMap<String, Weak<Slot<T>>>>);

/// A consumer that is open, or is being opened.
struct Slot<T: Record>(OnceCell<Hub<T>>);

/// The consumer itself, and what its readers tell each other.
struct Hub<T: Record> {
    /// Whoever has the lock waits for the next record; the lock is fair, so the readers take turns.
    consumer: AsyncMutex<Box<dyn Consumer<T>>>,
    notes: Mutex<Notes<T>>,
    changed: Notify,
}

struct Notes<T> {
    /// What a reader that is gone has left, in the order of the stream.
    returned: BTreeMap<Seq, Arc<T>>,
    acks: Vec<Seq>,
    /// Why there is nothing more.
    ended: Option<Error>,
}

impl<T: Record> Shares<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Opens the consumer of a name for one more reader; `open` is awaited when this process has none yet.
    pub(crate) async fn open(
        &self,
        name: &str,
        open: impl Future<Output = Result<Box<dyn Consumer<T>>>>,
    ) -> Result<Box<dyn Consumer<T>>> {
        let slot = self.slot(name);
        slot.0
            .get_or_try_init(|| async { open.await.map(Hub::new) })
            .await?;
        Ok(Box::new(Reader {
            slot,
            held: BTreeMap::new(),
        }))
    }

    /// Returns the slot of a name, a new one when the one before is of no use any more.
    fn slot(&self, name: &str) -> Arc<Slot<T>> {
        let mut slots = self.0.lock();
        let known = slots.get(name).and_then(Weak::upgrade);
        if let Some(slot) = known.filter(|slot| !slot.has_ended()) {
            return slot;
        }
        slots.retain(|_, slot| slot.strong_count() > 0);
        let slot = Arc::new(Slot(OnceCell::new()));
        slots.insert(name.to_owned(), Arc::downgrade(&slot));
        slot
    }
}

impl<T: Record> Slot<T> {
    fn hub(&self) -> &Hub<T> {
        self.0.get().expect("a reader is made after its hub")
    }

    fn has_ended(&self) -> bool {
        self.0
            .get()
            .is_some_and(|hub| hub.notes.lock().ended.is_some())
    }
}

impl<T: Record> Hub<T> {
    fn new(consumer: Box<dyn Consumer<T>>) -> Self {
        Self {
            consumer: AsyncMutex::new(consumer),
            notes: Mutex::new(Notes {
                returned: BTreeMap::new(),
                acks: Vec::new(),
                ended: None,
            }),
            changed: Notify::new(),
        }
    }

    async fn next(&self) -> Result<Delivery<T>> {
        let mut consumer = self.consumer.lock().await;
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let returned = {
                let mut notes = self.notes.lock();
                notes.flush(consumer.as_mut());
                if let Some(error) = &notes.ended {
                    return Err(error.clone());
                }
                notes.returned.pop_first()
            };
            if let Some((seq, record)) = returned {
                return Ok(Delivery { seq, record });
            }
            tokio::select! {
                biased;
                () = changed => {}
                next = consumer.next() => {
                    if let Err(error) = &next {
                        self.notes.lock().ended = Some(error.clone());
                    }
                    return next;
                }
            }
        }
    }

    fn ack(&self, seq: Seq) {
        let mut notes = self.notes.lock();
        notes.acks.push(seq);
        // Whoever has the consumer passes it on.
        match self.consumer.try_lock() {
            Ok(mut consumer) => notes.flush(consumer.as_mut()),
            Err(_) => self.changed.notify_waiters(),
        }
    }

    fn give_back(&self, held: BTreeMap<Seq, Arc<T>>) {
        self.notes.lock().returned.extend(held);
        self.changed.notify_waiters();
    }
}

impl<T: Record> Notes<T> {
    fn flush(&mut self, consumer: &mut dyn Consumer<T>) {
        for seq in self.acks.drain(..) {
            consumer.ack(seq);
        }
    }
}

impl<T: Record> Drop for Hub<T> {
    fn drop(&mut self) {
        self.notes.get_mut().flush(self.consumer.get_mut().as_mut());
    }
}

/// One of those who read a shared consumer.
struct Reader<T: Record> {
    slot: Arc<Slot<T>>,
    /// What it was given and has not acknowledged.
    held: BTreeMap<Seq, Arc<T>>,
}

#[async_trait]
impl<T: Record> Consumer<T> for Reader<T> {
    async fn next(&mut self) -> Result<Delivery<T>> {
        let delivery = self.slot.hub().next().await?;
        self.held.insert(delivery.seq, delivery.record.clone());
        Ok(delivery)
    }

    fn ack(&mut self, seq: Seq) {
        if self.held.remove(&seq).is_some() {
            self.slot.hub().ack(seq);
        }
    }
}

impl<T: Record> Drop for Reader<T> {
    fn drop(&mut self) {
        self.slot.hub().give_back(std::mem::take(&mut self.held));
    }
}
