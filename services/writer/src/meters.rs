use std::collections::BTreeMap;

use metrics::{Counter, Histogram, counter, histogram};
use parking_lot::Mutex;

/// What the writer counts.
pub(crate) struct Meters {
    /// Messages that became records.
    pub(crate) decoded: Counter,
    /// Messages that are kept as they came.
    raw: Counter,
    /// The same by the kind of reason, looked up in the registry once each.
    reasons: Mutex<BTreeMap<&'static str, Counter>>,
    /// Messages of channels that are not stored.
    pub(crate) skipped: Counter,
    /// Entries that were new.
    pub(crate) stored: Counter,
    /// Entries that came again and were there already.
    pub(crate) repeated: Counter,
    /// How many seconds after it was accepted a message could be read.
    pub(crate) age: Histogram,
    /// How often storing failed and was tried again.
    pub(crate) failures: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let messages =
            |outcome: &'static str| counter!("writer_messages_total", "outcome" => outcome);
        Self {
            decoded: messages("decoded"),
            raw: messages("raw"),
            reasons: Mutex::default(),
            skipped: messages("skipped"),
            stored: counter!("writer_entries_stored_total"),
            repeated: counter!("writer_entries_repeated_total"),
            age: histogram!("writer_age_seconds"),
            failures: counter!("writer_failures_total"),
        }
    }

    /// Counts a message that is kept as it came, by the kind of reason.
    pub(crate) fn raw(&self, reason: &'static str) {
        self.raw.increment(1);
        let mut reasons = self.reasons.lock();
        let counter = reasons
            .entry(reason)
            .or_insert_with(|| counter!("writer_raw_total", "reason" => reason));
        counter.increment(1);
    }
}
