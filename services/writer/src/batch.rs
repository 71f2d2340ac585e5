use std::sync::Arc;

use history::Entry;
use messaging::{Delivery, Message, Seq};
use tokio::time::Instant;

/// The most bytes of a batch, but for the message that goes beyond.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Messages that will be stored in one transaction.
#[derive(Default)]
pub(crate) struct Batch {
    /// The messages, each with how many of the entries are its.
    messages: Vec<(Delivery<Message>, usize)>,
    /// The entries, in the order of the messages.
    entries: Vec<Entry>,
    bytes: usize,
    /// When the first message came.
    since: Option<Instant>,
}

impl Batch {
    pub(crate) fn add(&mut self, delivery: Delivery<Message>, entries: Vec<Entry>) {
        self.since.get_or_insert_with(Instant::now);
        self.bytes += delivery.record.payload.len();
        self.bytes += entries.iter().map(Entry::size).sum::<usize>();
        self.messages.push((delivery, entries.len()));
        self.entries.extend(entries);
    }

    pub(crate) fn is_full(&self, entries: usize) -> bool {
        self.messages.len() >= entries || self.entries.len() >= entries || self.bytes >= MAX_BYTES
    }

    /// Returns when the first message came, or nothing when there is none.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Returns what is stored; nothing is added any more.
    pub(crate) fn close(self) -> Closed {
        Closed {
            messages: self.messages,
            entries: self.entries.into(),
        }
    }
}

/// A batch that is being stored.
pub(crate) struct Closed {
    messages: Vec<(Delivery<Message>, usize)>,
    pub(crate) entries: Arc<[Entry]>,
}

impl Closed {
    /// Returns what to acknowledge.
    pub(crate) fn seqs(&self) -> impl Iterator<Item = Seq> {
        self.messages.iter().map(|(delivery, _)| delivery.seq)
    }

    /// Returns each message with its entries.
    pub(crate) fn apart(&self) -> impl Iterator<Item = (&Message, &[Entry])> {
        let mut rest = &self.entries[..];
        self.messages.iter().map(move |(delivery, count)| {
            let (own, others) = rest.split_at(*count);
            rest = others;
            (&*delivery.record, own)
        })
    }
}
