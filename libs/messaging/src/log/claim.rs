use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;

use super::ranges::Ranges;
use super::segment::Segment;
use crate::Record;
use crate::record::RecordFilter;

/// What a durable consumer has got, has acknowledged, and is still to get.
#[derive(Debug)]
pub(crate) struct Claim<T: Record> {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) filter: T::Filter,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Who may read and acknowledge: the opening with this number.
    owner: u64,
    /// The first number that was never delivered.
    cursor: u64,
    /// The highest number that concerns the consumer, as far as is known; below `cursor` when it has got everything.
    newest: u64,
    /// What was delivered and not acknowledged.
    pending: Ranges,
    waker: Option<Waker>,
    closed: bool,
}

impl State {
    fn check(&self, owner: u64) -> Result<()> {
        if self.closed {
            return Err(closed());
        }
        if self.owner != owner {
            return Err(Error::new(
                ErrorKind::Conflict,
                "consumer_taken_over",
                "the consumer was opened elsewhere",
            ));
        }
        Ok(())
    }

    fn has_unread(&self) -> bool {
        self.newest >= self.cursor
    }
}

/// Makes the error of a bus that has ended.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "bus_closed", "the bus is closed")
}

impl<T: Record> Claim<T> {
    /// Makes a claim that looks at everything from `cursor` to `newest` and at what comes.
    pub(crate) fn new(
        id: u64,
        name: String,
        filter: T::Filter,
        (cursor, newest): (u64, u64),
        pending: Ranges,
    ) -> Self {
        Self {
            id,
            name,
            filter,
            state: Mutex::new(State {
                owner: 0,
                cursor,
                newest,
                pending,
                waker: None,
                closed: false,
            }),
        }
    }

    /// Makes the caller the owner and returns its number and what is to be delivered again.
    pub(crate) fn open(&self) -> (u64, Arc<Ranges>) {
        let mut state = self.state.lock();
        state.owner += 1;
        let opened = (state.owner, Arc::new(state.pending.clone()));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        opened
    }

    /// Notes that a new record concerns the consumer, and returns whom to wake.
    pub(crate) fn arrived(&self, seq: u64) -> Option<Waker> {
        let mut state = self.state.lock();
        if !state.has_unread() {
            state.cursor = seq;
        }
        state.newest = seq;
        state.waker.take()
    }

    /// Waits until something is unread and returns the numbers between which it is.
    pub(crate) fn poll_unread(
        &self,
        owner: u64,
        context: &mut Context<'_>,
    ) -> Poll<Result<(u64, u64)>> {
        let mut state = self.state.lock();
        state.check(owner)?;
        if state.has_unread() {
            return Poll::Ready(Ok((state.cursor, state.newest)));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Takes note of a delivery; false when it was acknowledged before it could be delivered again.
    pub(crate) fn deliver(&self, owner: u64, seq: u64) -> Result<bool> {
        let mut state = self.state.lock();
        state.check(owner)?;
        if seq < state.cursor {
            return Ok(state.pending.contains(seq));
        }
        state.pending.insert(seq);
        state.cursor = seq + 1;
        Ok(true)
    }

    /// Notes that nothing below `to` concerns the consumer but what it got.
    pub(crate) fn pass(&self, owner: u64, to: u64) {
        let mut state = self.state.lock();
        if state.owner == owner {
            state.cursor = state.cursor.max(to);
        }
    }

    /// Gives up on deliveries that are to come again and are not there any more.
    pub(crate) fn lose(&self, owner: u64, (from, to): (u64, u64)) {
        let mut state = self.state.lock();
        if state.owner == owner {
            state.pending.remove_between(from, to);
        }
    }

    /// Notes an acknowledgement of the owner and tells whether it was awaited.
    pub(crate) fn ack(&self, owner: u64, seq: u64) -> bool {
        let mut state = self.state.lock();
        state.owner == owner && state.pending.remove(seq)
    }

    /// Ends whoever reads.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells whether a segment has something unread or unacknowledged, as far as is known.
    pub(crate) fn needs(&self, segment: &Segment, last_concerned: u64) -> bool {
        let state = self.state.lock();
        let unread = state.has_unread() && state.cursor <= last_concerned;
        unread || state.pending.intersects(segment.first(), last_concerned)
    }

    /// Tells whether the consumer still needs this record, which its filter chooses.
    pub(crate) fn needs_record(&self, seq: u64) -> bool {
        let state = self.state.lock();
        seq >= state.cursor || state.pending.contains(seq)
    }

    /// Tells whether the consumer surely needs everything in a segment.
    pub(crate) fn needs_all(&self, segment: &Segment) -> bool {
        let state = self.state.lock();
        self.filter.key().is_none() && state.has_unread() && state.cursor <= segment.first()
    }

    /// Returns the lowest number the consumer may still need, if any.
    pub(crate) fn floor(&self) -> Option<u64> {
        let state = self.state.lock();
        let unread = state.has_unread().then_some(state.cursor);
        state.pending.first().into_iter().chain(unread).min()
    }

    /// Returns the first number never delivered and what is unacknowledged; `next` is the one after the newest.
    pub(crate) fn position(&self, next: u64) -> (u64, Ranges) {
        let state = self.state.lock();
        let cursor = if state.has_unread() {
            state.cursor
        } else {
            state.cursor.max(next)
        };
        (cursor, state.pending.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, Message};

    fn claim() -> Claim<Message> {
        Claim::new(1, "c".to_owned(), Filter::All, (10, 9), Ranges::default())
    }

    #[test]
    fn what_is_unread_or_unacknowledged_is_needed() {
        let claim = claim();
        let (owner, _) = claim.open();
        assert_eq!(claim.floor(), None);
        claim.arrived(12);
        claim.arrived(14);
        assert_eq!(claim.floor(), Some(12));
        assert!(claim.deliver(owner, 12).unwrap());
        assert!(claim.deliver(owner, 14).unwrap());
        assert_eq!(claim.floor(), Some(12));
        assert!(claim.ack(owner, 12));
        assert_eq!(claim.floor(), Some(14));
        assert!(claim.ack(owner, 14));
        assert!(!claim.ack(owner, 14));
        assert_eq!(claim.floor(), None);
        assert_eq!(claim.position(20), (20, Ranges::default()));
    }

    #[test]
    fn the_older_owner_has_no_say() {
        let claim = claim();
        let (first, _) = claim.open();
        claim.arrived(10);
        assert!(claim.deliver(first, 10).unwrap());
        let (second, again) = claim.open();
        assert_eq!(again.first(), Some(10));
        assert_eq!(
            claim.deliver(first, 10).unwrap_err().kind,
            ErrorKind::Conflict
        );
        assert!(!claim.ack(first, 10));
        assert!(claim.deliver(second, 10).unwrap());
        assert!(claim.ack(second, 10));
    }
}
