use super::ranges::Ranges;

/// What a consumer has got, has acknowledged, and is still to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The first number that was never delivered.
    cursor: u64,
    /// The highest number that concerns the consumer, as far as is known; below `cursor` when it has got everything.
    newest: u64,
    /// What was delivered and not acknowledged.
    pending: Ranges,
    /// What concerns it from `cursor` on; nothing when that is too much to list, and is to be found by looking.
    unread: Option<Ranges>,
}

impl Progress {
    /// Begins at a number; all from there to `newest` is to be looked at.
    pub(crate) fn looking(cursor: u64, newest: u64) -> Self {
        Self {
            cursor,
            newest,
            pending: Ranges::default(),
            unread: None,
        }
    }

    /// Takes up what was written down: `unread` then was everything up to where the log ended.
    pub(crate) fn restored(cursor: u64, pending: Ranges, unread: Option<Ranges>, end: u64) -> Self {
        let newest = match &unread {
            Some(unread) => unread.last().unwrap_or(cursor.saturating_sub(1)),
            None => end,
        };
        Self {
            cursor,
            newest,
            pending,
            unread,
        }
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.newest >= self.cursor
    }

    /// Notes that a new record concerns the consumer; what is unread is listed up to `limit` pieces.
    pub(crate) fn arrived(&mut self, seq: u64, limit: usize) {
        if seq < self.cursor {
            return;
        }
        if !self.has_unread() {
            self.cursor = seq;
            self.unread = Some(Ranges::default());
        }
        self.newest = self.newest.max(seq);
        if let Some(unread) = &mut self.unread {
            unread.insert(seq);
            if unread.pieces() > limit {
                self.unread = None;
            }
        }
    }

    /// Returns the numbers between which everything unread is.
    pub(crate) fn unread_between(&self) -> Option<(u64, u64)> {
        let first = self
            .unread
            .as_ref()
            .and_then(|unread| unread.next(self.cursor));
        self.has_unread()
            .then(|| (first.unwrap_or(self.cursor), self.newest))
    }

    /// Returns what is unread, where it is listed.
    pub(crate) fn unread(&self) -> Option<&Ranges> {
        self.unread.as_ref()
    }

    /// Returns what was delivered and not acknowledged.
    pub(crate) fn pending(&self) -> &Ranges {
        &self.pending
    }

    /// Notes a delivery; false when it was acknowledged before it could be delivered again.
    pub(crate) fn deliver(&mut self, seq: u64) -> bool {
        if seq < self.cursor {
            return self.pending.contains(seq);
        }
        self.pending.insert(seq);
        self.pass(seq + 1);
        true
    }

    /// Notes that nothing below `to` is unread.
    pub(crate) fn pass(&mut self, to: u64) {
        if to > self.cursor {
            self.cursor = to;
            if let Some(unread) = &mut self.unread {
                unread.remove_between(0, to);
            }
        }
    }

    /// Gives up on deliveries that are to come again and are not there any more.
    pub(crate) fn lose(&mut self, from: u64, to: u64) {
        self.pending.remove_between(from, to);
    }

    /// Notes an acknowledgement and tells whether it was awaited.
    pub(crate) fn ack(&mut self, seq: u64) -> bool {
        self.pending.remove(seq)
    }

    /// Tells whether anything from `first` to `last` is unread or unacknowledged, as far as is known.
    pub(crate) fn needs_any(&self, first: u64, last: u64) -> bool {
        let unread = match &self.unread {
            Some(unread) => unread.intersects(first, last),
            None => self.has_unread() && self.cursor <= last && self.newest >= first,
        };
        unread || self.pending.intersects(first, last)
    }

    /// Tells whether a record that the consumer's filter chooses is unread or unacknowledged.
    pub(crate) fn needs(&self, seq: u64) -> bool {
        self.needs_any(seq, seq)
    }

    /// Tells whether everything from `first` to `last` is surely needed; `all` when the filter chooses every record.
    pub(crate) fn needs_all(&self, first: u64, last: u64, all: bool) -> bool {
        let unread = match &self.unread {
            Some(unread) => unread.covers(first, last),
            None => all && self.cursor <= first && self.newest >= last,
        };
        unread || self.pending.covers(first, last)
    }

    /// Returns the lowest number that may be needed.
    pub(crate) fn floor(&self) -> Option<u64> {
        let unread = self.unread_between().map(|(first, _)| first);
        self.pending.first().into_iter().chain(unread).min()
    }

    /// Returns the first number never delivered, as of a log whose next number is `next`.
    pub(crate) fn cursor(&self, next: u64) -> u64 {
        if self.has_unread() {
            self.cursor
        } else {
            self.cursor.max(next)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_unread_or_unacknowledged_is_needed() {
        let mut progress = Progress::looking(10, 9);
        assert_eq!(progress.floor(), None);
        progress.arrived(12, 10);
        progress.arrived(14, 10);
        assert_eq!(progress.unread_between(), Some((12, 14)));
        assert!(!progress.needs(13) && progress.needs(14));
        assert!(progress.deliver(12) && progress.deliver(14));
        assert_eq!(
            (progress.unread_between(), progress.floor()),
            (None, Some(12))
        );
        assert!(progress.ack(12));
        assert_eq!(progress.floor(), Some(14));
        assert!(progress.ack(14) && !progress.ack(14));
        assert_eq!((progress.floor(), progress.cursor(20)), (None, 20));
    }

    proptest! {
        /// However short the list, nothing unread or unacknowledged is ever thought to be done with.
        #[test]
        fn nothing_needed_is_forgotten(
            limit in 0..4usize,
            steps in proptest::collection::vec((0..4u8, 1..4u64, any::<prop::sample::Index>()), 0..60),
        ) {
            let mut progress = Progress::looking(1, 0);
            let (mut unread, mut pending) = (BTreeSet::new(), BTreeSet::new());
            let mut newest = 0;
            for (step, distance, index) in steps {
                match step {
                    0 | 1 => {
                        newest += distance;
                        progress.arrived(newest, limit);
                        unread.insert(newest);
                    }
                    2 => if let Some(seq) = unread.pop_first() {
                        prop_assert!(progress.deliver(seq));
                        pending.insert(seq);
                    },
                    _ => if !pending.is_empty() {
                        let seq = *pending.iter().nth(index.index(pending.len())).unwrap();
                        pending.remove(&seq);
                        prop_assert!(progress.ack(seq));
                    },
                }
                let restored = Progress::restored(
                    progress.cursor(newest + 1), progress.pending().clone(), progress.unread().cloned(), newest,
                );
                for progress in [&progress, &restored] {
                    let needed = unread.iter().chain(&pending);
                    prop_assert!(needed.clone().all(|seq| progress.needs(*seq)));
                    let between = progress.unread_between();
                    prop_assert_eq!(between.is_some(), !unread.is_empty());
                    if let (Some((first, last)), Some(lowest), Some(highest)) = (between, unread.first(), unread.last()) {
                        prop_assert!(first <= *lowest && last >= *highest);
                    }
                    let floor = needed.min().copied();
                    prop_assert!(progress.floor() <= floor || floor.is_none());
                    prop_assert_eq!(progress.floor().is_some(), floor.is_some());
                }
            }
        }
    }
}
