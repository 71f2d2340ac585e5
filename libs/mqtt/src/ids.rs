use std::cell::Cell;

use model::{MessageId, Timestamp};
use uuid::{Builder, Uuid};

/// Makes message ids of one shard: version 7, so they sort by time, with a counter that orders those of one millisecond
/// and bits of a generator that is seeded once. A system call for each message would be a third of its cost.
pub(crate) struct Ids {
    counter: Cell<u32>,
    state: Cell<u64>,
}

impl Ids {
    pub(crate) fn new() -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self {
            counter: Cell::new(0),
            state: Cell::new(high ^ low.rotate_left(32)),
        }
    }

    /// Returns an id for a message accepted at `now`.
    pub(crate) fn next(&self, now: Timestamp) -> MessageId {
        let counter = self.counter.get().wrapping_add(1);
        self.counter.set(counter);
        let mut bytes = [0; 10];
        // The top bits of bytes 0 and 2 are those of the version and the variant.
        let [c0, c1, c2, c3] = counter.to_be_bytes();
        bytes[..2].copy_from_slice(&[c0 >> 4, c0 << 4 | c1 >> 4]);
        bytes[2..4].copy_from_slice(&[c1 & 0x0f, c2]);
        bytes[4] = c3;
        bytes[5..].copy_from_slice(&self.random().to_be_bytes()[..5]);
        let millis = u64::try_from(now.micros() / 1000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &bytes)
            .into_uuid()
            .into()
    }

    /// The generator SplitMix64 (Steele, Lea and Flood, 2014).
    fn random(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_version_7_in_order_and_never_the_same() {
        let (ids, others) = (Ids::new(), Ids::new());
        let now = Timestamp::now();
        let mut before = ids.next(now);
        let mut all = HashSet::from([before]);
        for _ in 0..100_000 {
            let id = ids.next(now);
            assert!(id > before);
            assert_eq!(id.uuid().get_version_num(), 7);
            assert!(all.insert(id) && all.insert(others.next(now)));
            before = id;
        }
        let later = Timestamp::from_micros(now.micros() + 1000);
        assert!(others.next(later) > before);
    }
}
