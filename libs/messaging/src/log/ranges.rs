use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A set of sequence numbers that is small where they are next to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(crate) struct Ranges(
    /// First to last number of each range; they do not touch.
    BTreeMap<u64, u64>,
);

impl Ranges {
    pub(crate) fn insert(&mut self, seq: u64) {
        let before = self
            .0
            .range(..=seq)
            .next_back()
            .map(|(start, end)| (*start, *end));
        let start = match before {
            Some((_, end)) if end >= seq => return,
            Some((start, end)) if end + 1 == seq => start,
            _ => seq,
        };
        let end = seq.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(start, end.unwrap_or(seq));
    }

    /// Removes one number and tells whether it was there.
    pub(crate) fn remove(&mut self, seq: u64) -> bool {
        let there = self.contains(seq);
        if there {
            self.remove_between(seq, seq + 1);
        }
        there
    }

    /// Removes all numbers from `from` up to, but not including, `to`.
    pub(crate) fn remove_between(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let before = self
            .0
            .range(..from)
            .next_back()
            .map(|(start, end)| (*start, *end));
        if let Some((start, end)) = before.filter(|(_, end)| *end >= from) {
            self.0.insert(start, from - 1);
            if end >= to {
                self.0.insert(to, end);
            }
        }
        while let Some((start, end)) = self
            .0
            .range(from..to)
            .next()
            .map(|(start, end)| (*start, *end))
        {
            self.0.remove(&start);
            if end >= to {
                self.0.insert(to, end);
            }
        }
    }

    pub(crate) fn contains(&self, seq: u64) -> bool {
        self.next(seq) == Some(seq)
    }

    /// Returns the smallest number that is at least `from`.
    pub(crate) fn next(&self, from: u64) -> Option<u64> {
        match self.0.range(..=from).next_back() {
            Some((_, end)) if *end >= from => Some(from),
            _ => self.0.range(from..).next().map(|(start, _)| *start),
        }
    }

    /// Tells whether there is a number from `first` to `last`.
    pub(crate) fn intersects(&self, first: u64, last: u64) -> bool {
        self.next(first).is_some_and(|seq| seq <= last)
    }

    /// Tells whether every number from `first` to `last` is there.
    pub(crate) fn covers(&self, first: u64, last: u64) -> bool {
        let before = self.0.range(..=first).next_back();
        before.is_some_and(|(_, end)| *end >= last)
    }

    /// Returns how many ranges there are.
    pub(crate) fn pieces(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.0.first_key_value().map(|(start, _)| *start)
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(_, end)| *end)
    }
}

impl From<Vec<(u64, u64)>> for Ranges {
    fn from(ranges: Vec<(u64, u64)>) -> Self {
        Self(
            ranges
                .into_iter()
                .filter(|(start, end)| start <= end)
                .collect(),
        )
    }
}

impl From<Ranges> for Vec<(u64, u64)> {
    fn from(ranges: Ranges) -> Self {
        ranges.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(steps in proptest::collection::vec((0..4u8, 0..30u64, 0..8u64), 0..60)) {
            let mut ranges = Ranges::default();
            let mut model = BTreeSet::new();
            for (step, seq, length) in steps {
                match step {
                    0 | 1 => {
                        ranges.insert(seq);
                        model.insert(seq);
                    }
                    2 => prop_assert_eq!(ranges.remove(seq), model.remove(&seq)),
                    _ => {
                        ranges.remove_between(seq, seq + length);
                        model.retain(|number| !(seq..seq + length).contains(number));
                    }
                }
                prop_assert_eq!(ranges.first(), model.first().copied());
                prop_assert_eq!(ranges.last(), model.last().copied());
                for seq in 0..40 {
                    prop_assert_eq!(ranges.contains(seq), model.contains(&seq));
                    prop_assert_eq!(ranges.next(seq), model.range(seq..).next().copied());
                }
                let touching = ranges.0.iter().zip(ranges.0.iter().skip(1)).any(|(a, b)| a.1 + 1 >= *b.0);
                prop_assert!(!touching);
                prop_assert_eq!(ranges.intersects(5, 9), model.range(5..=9).next().is_some());
                prop_assert_eq!(ranges.covers(5, 9), model.range(5..=9).count() == 5);
            }
        }
    }

    #[test]
    fn neighbours_take_the_place_of_one() {
        let mut ranges = Ranges::default();
        (1..=1000).for_each(|seq| ranges.insert(seq));
        assert_eq!(serde_json::to_string(&ranges).unwrap(), "[[1,1000]]");
    }
}
