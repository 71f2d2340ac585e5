use metrics::{Counter, Histogram, counter, histogram};

/// What the writer counts.
pub(crate) struct Meters {
    /// Messages that became records.
    pub(crate) decoded: Counter,
    /// Messages that are kept as they came.
    raw: Counter,
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
        counter!("writer_raw_total", "reason" => reason).increment(1);
    }
}
