use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use model::Result;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::claim::closed;
use crate::Seq;

/// How many bytes may wait for the writer; who publishes beyond that waits.
const MAX_BYTES: usize = 16 << 20;
/// How many bytes are written at once, and more only when one record is longer.
const BATCH_BYTES: usize = 1 << 20;

/// A record on its way to the file.
pub(crate) struct Entry<T> {
    pub(crate) record: Arc<T>,
    /// The encoded record behind the room for its header.
    pub(crate) frame: Vec<u8>,
    /// Who waits for it; nobody when it was sent without waiting, and then live queues have it already.
    pub(crate) done: Option<oneshot::Sender<Result<Seq>>>,
    /// Its share of the queue, free again when it is dealt with.
    pub(crate) room: OwnedSemaphorePermit,
}

/// Where publishers meet the writer.
pub(crate) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
    room: Arc<Semaphore>,
}

struct Waiting<T> {
    entries: VecDeque<Entry<T>>,
    signals: Signals,
}

/// What the writer is told besides records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signals {
    /// Nobody needs what is in the file being written, and its space is needed.
    pub(crate) roll: bool,
    /// Nothing comes any more.
    pub(crate) closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                entries: VecDeque::new(),
                signals: Signals::default(),
            }),
            arrived: Condvar::new(),
            room: Arc::new(Semaphore::new(MAX_BYTES)),
        }
    }

    /// Waits for room in the queue, in the order of asking.
    pub(crate) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        let room = self.room.clone().acquire_many_owned(share(bytes)).await;
        room.map_err(|_| closed())
    }

    /// Returns room in the queue if there is some now.
    pub(crate) fn try_room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_many_owned(share(bytes)).ok()
    }

    /// Hands a record to the writer, or back when that has ended.
    pub(crate) fn push(&self, entry: Entry<T>) -> Result<(), Entry<T>> {
        let mut waiting = self.waiting.lock();
        if waiting.signals.closed {
            return Err(entry);
        }
        waiting.entries.push_back(entry);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Asks the writer to begin the next file, so that the one there is can go.
    pub(crate) fn roll(&self) {
        self.waiting.lock().signals.roll = true;
        self.arrived.notify_one();
    }

    /// Lets nothing more in; what waits is still written.
    pub(crate) fn close(&self) {
        self.room.close();
        self.waiting.lock().signals.closed = true;
        self.arrived.notify_one();
    }

    /// Ends the queue when nobody takes from it any more: whoever waits gets an error.
    pub(crate) fn abandon(&self) {
        self.close();
        self.waiting.lock().entries.clear();
    }

    /// Waits until there is something to do or the time has come, and takes as much as is written at once.
    pub(crate) fn take(&self, batch: &mut Vec<Entry<T>>, until: Instant) -> Signals {
        let mut waiting = self.waiting.lock();
        let idle = waiting.entries.is_empty();
        while waiting.entries.is_empty() && !waiting.signals.roll && !waiting.signals.closed {
            if self.arrived.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        if idle && !waiting.entries.is_empty() {
            // Whoever is about to publish on this core gets into the same write.
            MutexGuard::unlocked(&mut waiting, std::thread::yield_now);
        }
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let Some(entry) = waiting.entries.pop_front() else {
                break;
            };
            bytes += entry.frame.len();
            batch.push(entry);
        }
        let signals = waiting.signals;
        waiting.signals.roll = false;
        signals
    }
}

/// A record longer than the queue takes all of it.
fn share(bytes: usize) -> u32 {
    u32::try_from(bytes.min(MAX_BYTES)).unwrap_or(u32::MAX)
}
