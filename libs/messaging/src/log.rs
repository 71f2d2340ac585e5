//! The bus in process: an append-only log in files, a thread that writes it, one that keeps house, and consumers.
//!
//! A record that concerns a durable consumer is written before anybody is told of it; one that concerns none is
//! only delivered. Files that nobody needs any more are deleted.

mod active;
mod claim;
mod claims;
mod compact;
mod consumer;
mod core;
mod fill;
mod keeper;
mod meters;
mod positions;
mod progress;
mod queue;
mod ranges;
mod recovery;
mod registrations;
mod segment;
mod segments;
mod space;
mod tail;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use async_trait::async_trait;
use model::{Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::claim::closed;
use self::consumer::LogConsumer;
use self::core::Core;
use self::keeper::Keeper;
use self::queue::Entry;
use self::writer::Writer;
use crate::disk::directory::{Lock, unusable};
use crate::disk::frame;
use crate::share::Shares;
use crate::{Bus, Consumer, LiveGuard, LiveSender, Record, Seq};

pub(crate) use self::core::Settings;

/// A durable bus in this process.
pub(crate) struct Log<T: Record> {
    core: Arc<Core<T>>,
    shares: Shares<T>,
    writer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl<T: Record> Log<T> {
    /// Opens the log in a directory that this process has locked, and starts its threads.
    pub(crate) fn open(dir: &Path, lock: Arc<Lock>, settings: Settings) -> Result<Self> {
        let core = Arc::new(Core::open(dir, lock, settings)?);
        let writer = Writer::open(core.clone()).map_err(|error| unusable(dir, &error))?;
        let keeper = Keeper::new(core.clone());
        let mut log = Self {
            core,
            shares: Shares::new(),
            writer: None,
            keeper: None,
        };
        let spawn = |role: &str, run: Box<dyn FnOnce() + Send>| {
            let name = format!("{}-{role}", T::STREAM.to_lowercase());
            let thread = std::thread::Builder::new().name(name).spawn(run);
            thread.map(Some).map_err(|error| unusable(dir, &error))
        };
        log.writer = spawn("writer", Box::new(|| writer.run()))?;
        log.keeper = spawn("keeper", Box::new(|| keeper.run()))?;
        Ok(log)
    }

    /// Returns what is cancelled when the log has ended, whatever the reason.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.core.ended.clone()
    }

    async fn append(&self, record: Arc<T>) -> Result<Seq> {
        let frame = encode(&*record)?;
        let bytes = frame.len();
        // Without waiting where that is possible, so that records are kept in the order their futures are polled in.
        let room = match self.core.queue.try_room(bytes) {
            Some(room) => room,
            None => self.core.queue.room(bytes).await?,
        };
        if !self.core.space.take(bytes) {
            self.core.chores.reclaim();
            return Err(space::full());
        }
        let (done, accepted) = oneshot::channel();
        let entry = Entry {
            record,
            frame,
            done: Some(done),
            room,
        };
        self.core.queue.push(entry).map_err(|_| closed())?;
        accepted.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Hands a record to the writer if that is possible at once.
    fn try_append(&self, record: Arc<T>) -> Option<()> {
        let frame = encode(&*record).ok()?;
        let bytes = frame.len();
        let room = self.core.queue.try_room(bytes)?;
        if !self.core.space.take(bytes) {
            self.core.chores.reclaim();
            return None;
        }
        let entry = Entry {
            record,
            frame,
            done: None,
            room,
        };
        self.core.queue.push(entry).ok()
    }
}

fn encode<T: Record>(record: &T) -> Result<Vec<u8>> {
    let frame = frame::unsealed(record);
    if frame.len() > frame::HEADER + frame::MAX_RECORD {
        return Err(Error::new(
            ErrorKind::Invalid,
            "record_too_long",
            "the bus takes records of at most 16 MiB",
        ));
    }
    Ok(frame)
}

impl<T: Record> Drop for Log<T> {
    /// Writes what waits and where the consumers stand.
    fn drop(&mut self) {
        self.core.queue.close();
        let writer = self.writer.take().map(JoinHandle::join);
        self.core.chores.close();
        let keeper = self.keeper.take().map(JoinHandle::join);
        if writer.into_iter().chain(keeper).any(|ended| ended.is_err()) {
            tracing::error!(stream = T::STREAM, "a thread of the log ended with a panic");
        }
    }
}

#[async_trait]
impl<T: Record> Bus<T> for Log<T> {
    async fn publish(&self, record: Arc<T>) -> Result<Seq> {
        self.core.check()?;
        if let Some(seq) = self.core.unanswered.get(&record.id()) {
            return Ok(Seq(*seq));
        }
        if self.core.claims.concerns(&record) {
            let appended = self.append(record).await;
            if appended.is_err() {
                self.core.meters.refused.increment(1);
            }
            return appended;
        }
        self.core.router.deliver(&record);
        self.core.meters.published.increment(1);
        Ok(Seq(self.core.newest.load(Ordering::Acquire)))
    }

    fn send(&self, record: Arc<T>) {
        self.core.router.deliver(&record);
        if !self.core.claims.concerns(&record) {
            self.core.meters.published.increment(1);
        } else if self.try_append(record).is_none() {
            self.core.meters.dropped.increment(1);
        }
    }

    async fn live(&self, filter: T::Filter, queue: &LiveSender<T>) -> Result<LiveGuard> {
        self.core.check()?;
        Ok(self.core.router.subscribe(filter, queue))
    }

    async fn consumer(&self, name: &str, filter: T::Filter) -> Result<Box<dyn Consumer<T>>> {
        self.core.check()?;
        let claim = self.core.enter(name, filter).await?;
        Ok(Box::new(LogConsumer::open(self.core.clone(), claim)))
    }

    async fn shared(&self, name: &str, filter: T::Filter) -> Result<Box<dyn Consumer<T>>> {
        self.shares.open(name, self.consumer(name, filter)).await
    }

    async fn forget(&self, name: &str) -> Result<()> {
        self.core.leave(name).await
    }

    async fn ready(&self) -> Result<()> {
        self.core.check()?;
        if let Some(trouble) = self.core.trouble.lock().clone() {
            return Err(trouble);
        }
        if self.core.space.is_full() {
            return Err(space::full());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
