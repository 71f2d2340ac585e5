use history::Entry;
use messaging::{Delivery, Message};
use tokio::time::Instant;

/// The most bytes of a batch, but for the message that goes beyond.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Messages that are stored in one transaction.
#[derive(Default)]
pub(crate) struct Batch {
    /// The messages, each with how many of the entries are its.
    pub(crate) messages: Vec<(Delivery<Message>, usize)>,
    /// The entries, in the order of the messages.
    pub(crate) entries: Vec<Entry>,
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
