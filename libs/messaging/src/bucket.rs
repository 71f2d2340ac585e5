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
use tokio::sync::mpsc;

use self::change::Change;
use self::file::{BucketFile, Map};
use crate::disk::directory::{Lock, write_failed};
use crate::disk::together::{Together, Waiting};
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
    file: Together<BucketFile, Change>,
    state: Mutex<State>,
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
                file: Together::new(file),
                state: Mutex::new(state),
            }),
            _lock: lock,
        })
    }

    async fn apply(&self, change: Change) -> Result<()> {
        let shared = self.shared.clone();
        let write = move |file: &mut BucketFile, waiting| shared.write(file, waiting);
        self.shared.file.submit(change, write).await
    }
}

impl Shared {
    /// Writes all that waits, then lets everybody see it.
    fn write(&self, file: &mut BucketFile, mut waiting: Vec<Waiting<Change>>) {
        self.refuse_excess(&mut waiting);
        let written = self.write_file(file, &waiting);
        let mut state = self.state.lock();
        match written {
            Ok(()) => {
                for waiting in waiting {
                    state.apply(waiting.finish(Ok(())));
                }
            }
            Err(error) => {
                tracing::error!(%error, "changes of a bucket cannot be written and are refused");
                for waiting in waiting {
                    waiting.finish(Err(write_failed()));
                }
            }
        }
    }

    fn write_file(&self, file: &mut BucketFile, waiting: &[Waiting<Change>]) -> io::Result<()> {
        let bytes = self.state.lock().bytes;
        if file.is_due(bytes) {
            let map = self.state.lock().map.clone();
            file.write_anew(&map)?;
        }
        file.append(waiting.iter().map(|waiting| &waiting.item))
    }

    /// Refuses the changes for which there is no room.
    fn refuse_excess(&self, waiting: &mut Vec<Waiting<Change>>) {
        let mut bytes = self.state.lock().bytes;
        let mut fits = |waiting: &Waiting<Change>| {
            let Change { key, value } = &waiting.item;
            let added = value.as_ref().map_or(0, |value| size(key, value));
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
            refused.finish(Err(error));
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
