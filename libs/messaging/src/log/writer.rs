use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::Error;

use super::active::Active;
use super::core::Core;
use super::queue::Entry;
use crate::disk::directory::write_failed;
use crate::disk::frame;
use crate::{Record, Seq};

/// How often a file is tried again that could not be written.
const RETRY: Duration = Duration::from_secs(1);
/// How much memory is kept for the next batch.
const BUFFER_BYTES: usize = 1 << 20;

/// The only one that writes to the files: takes what waits, writes it at once, and tells everybody.
pub(crate) struct Writer<T: Record> {
    core: Arc<Core<T>>,
    active: Active,
    /// The number of the next record; those of a batch that could not be written are not used again.
    next: u64,
    buffer: Vec<u8>,
}

/// Ends the log with its writer, even when that panics.
struct Fuse<T: Record>(Arc<Core<T>>);

impl<T: Record> Drop for Fuse<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<T: Record> Writer<T> {
    /// Opens the file to go on with.
    pub(crate) fn open(core: Arc<Core<T>>) -> io::Result<Self> {
        let next = *core.next.lock();
        Ok(Self {
            active: Active::open(&core.segments, next, core.settings.power)?,
            core,
            next,
            buffer: Vec::new(),
        })
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let fuse = Fuse(self.core.clone());
        let mut batch = Vec::new();
        loop {
            let signals = self.core.queue.take(&mut batch, Instant::now() + RETRY);
            let idle = batch.is_empty();
            if !idle {
                self.commit(&mut batch);
            } else if signals.closed {
                break;
            } else {
                self.recover();
            }
            if signals.roll {
                self.retire();
            }
        }
        drop(fuse);
    }

    fn commit(&mut self, batch: &mut Vec<Entry<T>>) {
        let first = self.next;
        let size = batch.iter().map(|entry| entry.frame.len()).sum();
        self.next += batch.len() as u64;
        let written = self.make_room(first, size).and_then(|()| {
            self.gather(batch, first);
            self.active.append(&self.buffer, self.core.settings.power)
        });
        match written {
            Ok(()) => self.accept(batch, first),
            Err(error) => self.refuse(batch, &error),
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES);
    }

    /// Begins the next file when this one is long enough or broken.
    fn make_room(&mut self, first: u64, size: usize) -> io::Result<()> {
        let bytes = self.active.segment().bytes();
        let full = bytes > 0 && bytes + size as u64 > self.core.settings.segment_bytes();
        if full || self.active.is_broken() {
            self.roll(first)?;
        }
        Ok(())
    }

    fn roll(&mut self, first: u64) -> io::Result<()> {
        self.active = Active::begin(&self.core.segments, first, self.core.settings.power)?;
        self.core.chores.reclaim();
        Ok(())
    }

    fn gather(&mut self, batch: &mut [Entry<T>], first: u64) {
        let salt = self.active.segment().salt();
        for (seq, entry) in (first..).zip(batch) {
            frame::seal(&mut entry.frame, salt, seq);
            self.buffer.extend_from_slice(&entry.frame);
        }
    }

    fn accept(&mut self, batch: &mut Vec<Entry<T>>, first: u64) {
        let core = &self.core;
        self.active.reveal(self.buffer.len(), self.next);
        core.tail
            .extend((first..).zip(batch.iter().map(|entry| entry.record.clone())));
        let listed = core.claims.listed();
        let mut wakers = Vec::new();
        let mut next = core.next.lock();
        for (seq, entry) in (first..).zip(batch.iter()) {
            core.claims.concerned(&entry.record, |claim| {
                wakers.extend(claim.arrived(seq, listed));
            });
        }
        *next = self.next;
        core.newest.store(self.next - 1, Ordering::Release);
        drop(next);
        core.dirty.store(true, Ordering::Relaxed);
        core.meters.published.increment(batch.len() as u64);
        for waker in wakers {
            waker.wake();
        }
        for (seq, entry) in (first..).zip(batch.drain(..)) {
            drop(entry.room);
            if let Some(done) = entry.done {
                drop(done.send(Ok(Seq(seq))));
                core.router.deliver(&entry.record);
            }
        }
        self.settle(None);
    }

    fn refuse(&mut self, batch: &mut Vec<Entry<T>>, error: &io::Error) {
        let refusal = write_failed();
        if self.core.trouble.lock().is_none() {
            let file = self.active.segment().path().display();
            tracing::error!(%file, %error, "records cannot be written and are refused");
        }
        for entry in batch.drain(..) {
            self.core.space.free(entry.frame.len() as u64);
            match entry.done {
                Some(done) => {
                    self.core.meters.refused.increment(1);
                    drop(done.send(Err(refusal.clone())));
                }
                None => self.core.meters.dropped.increment(1),
            }
        }
        self.settle(Some(refusal));
    }

    /// Notes whether records can be written.
    fn settle(&self, trouble: Option<Error>) {
        let mut known = self.core.trouble.lock();
        if known.is_some() && trouble.is_none() {
            tracing::info!(stream = T::STREAM, "records can be written again");
        }
        *known = trouble;
    }

    /// Tries a new file after a failure, so that the log does not wait for a publisher to find out that all is well.
    fn recover(&mut self) {
        if self.core.trouble.lock().is_some() && self.roll(self.next).is_ok() {
            self.settle(None);
        }
    }

    /// Begins the next file so that the one there is can be deleted.
    fn retire(&mut self) {
        let begun = if self.active.segment().bytes() > 0 {
            self.roll(self.next)
        } else {
            Ok(())
        };
        if let Err(error) = begun {
            tracing::warn!(%error, "a new file cannot be begun");
        }
    }
}

#[cfg(test)]
mod tests;
