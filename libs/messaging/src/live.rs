//! Bounded queues of live records: offering never waits, and a reader that is too slow is told so.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use metrics::Counter;
use parking_lot::Mutex;

use crate::Record;

/// What happens to a queue that is full when one more record is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The queue ends: what is in it is thrown away and its receiver gets [`LiveEnd::TooSlow`].
    Cut,
    /// The record offered is dropped and counted, and the queue goes on.
    DropNewest,
}

/// How much a live queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveLimits {
    /// The most records waiting.
    pub messages: usize,
    /// The most bytes waiting, by [`Record::size`]; a queue that is empty takes one record of any size.
    pub bytes: usize,
    /// What happens beyond that.
    pub overflow: Overflow,
}

/// Why a live queue has no more records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiveEnd {
    /// The receiver did not keep up and the queue was cut.
    #[error("the receiver is too slow")]
    TooSlow,
    /// All senders and subscriptions are gone.
    #[error("the queue is closed")]
    Closed,
}

/// Makes a live queue; its sender is subscribed with [`Bus::live`](crate::Bus::live).
pub fn live_queue<T: Record>(limits: LiveLimits) -> (LiveSender<T>, LiveReceiver<T>) {
    let shared = Arc::new(Shared {
        limits,
        senders: AtomicUsize::new(1),
        dropped: AtomicU64::new(0),
        drops: metrics::counter!("messaging_live_dropped_total", "stream" => T::STREAM),
        queue: Mutex::new(Queue {
            records: VecDeque::new(),
            bytes: 0,
            end: None,
            waker: None,
        }),
    });
    (LiveSender(shared.clone()), LiveReceiver(shared))
}

struct Shared<T> {
    limits: LiveLimits,
    senders: AtomicUsize,
    dropped: AtomicU64,
    drops: Counter,
    queue: Mutex<Queue<T>>,
}

struct Queue<T> {
    records: VecDeque<Arc<T>>,
    bytes: usize,
    /// Set once, when nothing more will be put in.
    end: Option<LiveEnd>,
    waker: Option<Waker>,
}

impl<T: Record> Queue<T> {
    fn pop(&mut self) -> Option<Arc<T>> {
        let record = self.records.pop_front()?;
        self.bytes -= record.size();
        Some(record)
    }

    fn end(&mut self, end: LiveEnd) -> Option<Waker> {
        self.end.get_or_insert(end);
        self.waker.take()
    }

    fn discard(&mut self) -> u64 {
        self.bytes = 0;
        std::mem::take(&mut self.records).len() as u64
    }
}

impl<T> Shared<T> {
    fn count_dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
        self.drops.increment(records);
    }
}

/// The end of a live queue that records are put in.
pub struct LiveSender<T: Record>(Arc<Shared<T>>);

impl<T: Record> LiveSender<T> {
    /// Puts a record in the queue, or does what the queue's [`Overflow`] says when there is no room; never waits.
    pub fn offer(&self, record: &Arc<T>) {
        let size = record.size();
        let mut queue = self.0.queue.lock();
        if queue.end.is_some() {
            drop(queue);
            self.0.count_dropped(1);
            return;
        }
        let limits = &self.0.limits;
        let full = queue.records.len() >= limits.messages || queue.bytes + size > limits.bytes;
        let waker = if !full || queue.records.is_empty() {
            queue.records.push_back(record.clone());
            queue.bytes += size;
            queue.waker.take()
        } else {
            let mut dropped = 1;
            let mut waker = None;
            if limits.overflow == Overflow::Cut {
                dropped += queue.discard();
                waker = queue.end(LiveEnd::TooSlow);
            }
            self.0.count_dropped(dropped);
            waker
        };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns how many records this queue has thrown away.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl<T: Record> Clone for LiveSender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl<T: Record> Drop for LiveSender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waker = self.0.queue.lock().end(LiveEnd::Closed);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T: Record> fmt::Debug for LiveSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSender")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

/// The end of a live queue that records are taken from.
pub struct LiveReceiver<T: Record>(Arc<Shared<T>>);

impl<T: Record> LiveReceiver<T> {
    /// Waits for the next record. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LiveEnd::TooSlow`] as soon as the queue was cut, [`LiveEnd::Closed`] once a closed queue is empty.
    pub async fn recv(&mut self) -> Result<Arc<T>, LiveEnd> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// Takes the next record if there is one now, to write several at once.
    pub fn try_recv(&mut self) -> Option<Arc<T>> {
        self.0.queue.lock().pop()
    }

    /// Polls for the next record, for those who wait for several things in one future.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Arc<T>, LiveEnd>> {
        let mut queue = self.0.queue.lock();
        if let Some(record) = queue.pop() {
            return Poll::Ready(Ok(record));
        }
        if let Some(end) = queue.end {
            return Poll::Ready(Err(end));
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Returns how many records this queue has thrown away.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl<T: Record> Drop for LiveReceiver<T> {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.end.get_or_insert(LiveEnd::Closed);
        queue.discard();
    }
}

impl<T: Record> fmt::Debug for LiveReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveReceiver")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
