//! The bucket in process: a map in memory with every change in a file.

mod change;
mod file;

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use self::change::Change;
use self::file::{BucketFile, Map};
use crate::disk::directory::Lock;
use crate::{Bucket, Entry, key};

/// How much the keys and values of one bucket may take.
pub(crate) const MAX_BYTES: u64 = 256 << 20;
/// How long one value may be.
const MAX_VALUE: usize = 8 << 20;
/// What a key takes besides itself and its value.
const OVERHEAD: usize = 32;
/// How many changes a watcher may be behind before its stream ends.
const WATCH_BACKLOG: usize = 4096;

/// A bucket in this process; all that wait at the same time share one write.
pub(crate) struct FileBucket {
    shared: Arc<Shared>,
    _lock: Arc<Lock>,
}

struct Shared {
    max_bytes: u64,
    /// Held by the one who writes for all that wait.
    file: Arc<AsyncMutex<BucketFile>>,
    waiting: Mutex<Vec<Waiting>>,
    state: Mutex<State>,
}

struct Waiting {
    change: Change,
    done: oneshot::Sender<Result<()>>,
}

#[derive(Default)]
struct State {
    map: Map,
    bytes: u64,
    watchers: Vec<mpsc::Sender<Entry>>,
}

impl FileBucket {
    /// Opens the bucket of a file in a directory that this process has locked.
    pub(crate) fn open(path: &Path, lock: Arc<Lock>, power: bool, max_bytes: u64) -> Result<Self> {
        let (file, map) = BucketFile::open(path, power)?;
        let bytes = map.iter().map(|(key, value)| size(key, value)).sum();
        let state = State {
            map,
            bytes,
            watchers: Vec::new(),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                max_bytes,
                file: Arc::new(AsyncMutex::new(file)),
                waiting: Mutex::default(),
                state: Mutex::new(state),
            }),
            _lock: lock,
        })
    }

    async fn apply(&self, change: Change) -> Result<()> {
        let (done, mut applied) = oneshot::channel();
        self.shared.waiting.lock().push(Waiting { change, done });
        let mut file = self.shared.file.clone().lock_owned().await;
        if let Ok(result) = applied.try_recv() {
            return result;
        }
        let shared = self.shared.clone();
        // The write goes on even if nobody waits for it any more.
        let written = tokio::task::spawn_blocking(move || shared.write(&mut file)).await;
        written.map_err(|_| Error::internal())?;
        applied.await.unwrap_or_else(|_| Err(Error::internal()))
    }
}

impl Shared {
    /// Writes all that waits, then lets everybody see it.
    fn write(&self, file: &mut BucketFile) {
        let mut waiting = std::mem::take(&mut *self.waiting.lock());
        self.refuse_excess(&mut waiting);
        let refusal = self.write_file(file, &waiting).err().map(|error| {
            tracing::error!(%error, "a change of a bucket cannot be written and is refused");
            Error::new(
                ErrorKind::Unavailable,
                "bus_write_failed",
                "the bus cannot write to its disk now; the log of the process says why",
            )
        });
        let mut state = self.state.lock();
        for Waiting { change, done } in waiting {
            if refusal.is_none() {
                state.apply(change);
            }
            drop(done.send(refusal.clone().map_or(Ok(()), Err)));
        }
    }

    fn write_file(&self, file: &mut BucketFile, waiting: &[Waiting]) -> io::Result<()> {
        let bytes = self.state.lock().bytes;
        if file.is_due(bytes) {
            let map = self.state.lock().map.clone();
            file.write_anew(&map)?;
        }
        file.append(waiting.iter().map(|waiting| &waiting.change))
    }

    /// Refuses the changes for which there is no room.
    fn refuse_excess(&self, waiting: &mut Vec<Waiting>) {
        let mut bytes = self.state.lock().bytes;
        let mut fits = |waiting: &Waiting| {
            let added = waiting
                .change
                .value
                .as_ref()
                .map_or(0, |value| size(&waiting.change.key, value));
            let fits = added == 0 || bytes + added <= self.max_bytes;
            bytes += if fits { added } else { 0 };
            fits
        };
        for refused in waiting.extract_if(.., |waiting| !fits(waiting)) {
            let error = Error::new(
                ErrorKind::Exhausted,
                "bucket_full",
                "the bucket holds as much as it may",
            );
            drop(refused.done.send(Err(error)));
        }
    }
}

impl State {
    fn apply(&mut self, change: Change) {
        let Change { key, value } = change;
        let entry = match &value {
            Some(value) => Entry::Put(key.clone(), value.clone()),
            None => Entry::Deleted(key.clone()),
        };
        let before = match value {
            Some(value) => {
                self.bytes += size(&key, &value);
                self.map.insert(key.clone(), value)
            }
            None => self.map.remove(&key),
        };
        self.bytes -= before.map_or(0, |value| size(&key, &value));
        self.watchers
            .retain(|watcher| watcher.try_send(entry.clone()).is_ok());
    }
}

fn size(key: &str, value: &Bytes) -> u64 {
    (key.len() + value.len() + OVERHEAD) as u64
}

#[async_trait]
impl Bucket for FileBucket {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        key::check(key)?;
        Ok(self.shared.state.lock().map.get(key).cloned())
    }

    async fn put(&self, key: &str, value: Bytes) -> Result<()> {
        key::check(key)?;
        if value.len() > MAX_VALUE {
            return Err(Error::new(
                ErrorKind::Invalid,
                "bucket_value_too_long",
                "a bucket takes values of at most 8 MiB",
            ));
        }
        self.apply(Change {
            key: key.to_owned(),
            value: Some(value),
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        key::check(key)?;
        self.apply(Change {
            key: key.to_owned(),
            value: None,
        })
        .await
    }

    async fn watch(&self) -> Result<mpsc::Receiver<Entry>> {
        let mut state = self.shared.state.lock();
        let (sender, receiver) = mpsc::channel(state.map.len() + 1 + WATCH_BACKLOG);
        let all = state
            .map
            .iter()
            .map(|(key, value)| Entry::Put(key.clone(), value.clone()));
        for entry in all.chain([Entry::Current]) {
            // There is room for all of them.
            drop(sender.try_send(entry));
        }
        state.watchers.push(sender);
        Ok(receiver)
    }
}

#[cfg(test)]
mod tests;
