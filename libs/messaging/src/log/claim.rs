use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;

use super::fill::Choice;
use super::positions::Position;
use super::progress::Progress;
use super::ranges::Ranges;
use super::segment::Segment;
use crate::Record;
use crate::record::RecordFilter;

/// The claim of a durable consumer on what is kept, and who reads for it.
#[derive(Debug)]
pub(crate) struct Claim<T: Record> {
    name: String,
    filter: T::Filter,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Who may read and acknowledge: the opening with this number.
    owner: u64,
    progress: Progress,
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
}

/// Makes the error of a bus that has ended.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "bus_closed", "the bus is closed")
}

impl<T: Record> Claim<T> {
    pub(crate) fn new(name: String, filter: T::Filter, progress: Progress) -> Self {
        Self {
            name,
            filter,
            state: Mutex::new(State {
                owner: 0,
                progress,
                waker: None,
                closed: false,
            }),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn filter(&self) -> &T::Filter {
        &self.filter
    }

    /// Makes the caller the owner and returns its number and what is to be delivered again.
    pub(crate) fn open(&self) -> (u64, Arc<Ranges>) {
        let mut state = self.state.lock();
        state.owner += 1;
        let opened = (state.owner, Arc::new(state.progress.pending().clone()));
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        opened
    }

    /// Notes that a new record concerns the consumer, and returns whom to wake.
    pub(crate) fn arrived(&self, seq: u64, limit: usize) -> Option<Waker> {
        let mut state = self.state.lock();
        state.progress.arrived(seq, limit);
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
        if let Some(between) = state.progress.unread_between() {
            return Poll::Ready(Ok(between));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Returns how to find what is unread in the files.
    pub(crate) fn choice(&self) -> Choice<T> {
        match self.state.lock().progress.unread() {
            Some(unread) => Choice::Listed(Arc::new(unread.clone())),
            None => Choice::Matching(self.filter.clone()),
        }
    }

    /// Takes note of a delivery; false when it was acknowledged before it could be delivered again.
    pub(crate) fn deliver(&self, owner: u64, seq: u64) -> Result<bool> {
        let mut state = self.state.lock();
        state.check(owner)?;
        Ok(state.progress.deliver(seq))
    }

    /// Notes that nothing below `to` concerns the consumer but what it got.
    pub(crate) fn pass(&self, owner: u64, to: u64) {
        let mut state = self.state.lock();
        if state.owner == owner {
            state.progress.pass(to);
        }
    }

    /// Gives up on deliveries that are to come again and are not there any more.
    pub(crate) fn lose(&self, owner: u64, (from, to): (u64, u64)) {
        let mut state = self.state.lock();
        if state.owner == owner {
            state.progress.lose(from, to);
        }
    }

    /// Notes an acknowledgement of the owner and tells whether it was awaited.
    pub(crate) fn ack(&self, owner: u64, seq: u64) -> bool {
        let mut state = self.state.lock();
        state.owner == owner && state.progress.ack(seq)
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

    /// Tells whether anything in a segment is unread or unacknowledged, as far as is known.
    pub(crate) fn needs_any(&self, segment: &Segment) -> bool {
        let state = self.state.lock();
        state.progress.needs_any(segment.first(), segment.last())
    }

    /// Tells whether everything in a segment is surely unread or unacknowledged.
    pub(crate) fn needs_all(&self, segment: &Segment) -> bool {
        let all = self.filter.key().is_none();
        let state = self.state.lock();
        state
            .progress
            .needs_all(segment.first(), segment.last(), all)
    }

    /// Tells whether a record that the filter chooses is unread or unacknowledged.
    pub(crate) fn needs(&self, seq: u64) -> bool {
        self.state.lock().progress.needs(seq)
    }

    /// Returns the lowest number that may be needed.
    pub(crate) fn floor(&self) -> Option<u64> {
        self.state.lock().progress.floor()
    }

    /// Returns what to write down of a log whose next number is `next`.
    pub(crate) fn position(&self, next: u64) -> Position {
        let progress = self.state.lock().progress.clone();
        Position {
            name: self.name.clone(),
            subjects: self.filter.subjects(),
            cursor: progress.cursor(next),
            pending: progress.pending().clone(),
            unread: progress.unread().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, Message};

    #[test]
    fn the_older_owner_has_no_say() {
        let progress = Progress::looking(10, 9);
        let claim = Claim::<Message>::new("c".to_owned(), Filter::All, progress);
        let (first, _) = claim.open();
        claim.arrived(10, 1);
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
