use std::sync::atomic::{AtomicU64, Ordering};

use model::{ChannelId, ThingId};
use parking_lot::Mutex;

use crate::Fingerprint;

/// How many slots the subjects share; two that meet in one only cost each other a question to the source.
const SLOTS: usize = 4096;

/// A place in the order of invalidations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Epoch(u64);

/// What an answer can be about, and so what a change can make void.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Thing(ThingId),
    Channel(ChannelId),
    Connection(ThingId, ChannelId),
    Certificate(Fingerprint),
}

/// Remembers when answers about each subject last became void, in fixed memory and without locks for readers.
///
/// An answer notes the epoch *before* its source was asked and is good while it is not older than the last
/// invalidation of its subjects. So an answer that was overtaken on its way is void wherever it has been put.
/// A subject is marked before the epoch advances: who reads an epoch sees all marks up to it.
pub(crate) struct Epochs {
    now: AtomicU64,
    floor: AtomicU64,
    slots: Box<[AtomicU64]>,
    marking: Mutex<()>,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Self {
            now: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            marking: Mutex::new(()),
        }
    }

    /// Returns the epoch to note before a source is asked.
    pub(crate) fn now(&self) -> Epoch {
        Epoch(self.now.load(Ordering::SeqCst))
    }

    /// Makes every answer about the subject void.
    pub(crate) fn void(&self, subject: Subject) {
        self.mark(&self.slots[slot(subject)]);
    }

    /// Makes every answer void.
    pub(crate) fn void_all(&self) {
        self.mark(&self.floor);
    }

    fn mark(&self, mark: &AtomicU64) {
        let _one_at_a_time = self.marking.lock();
        let next = self.now.load(Ordering::SeqCst) + 1;
        mark.store(next, Ordering::SeqCst);
        self.now.store(next, Ordering::SeqCst);
    }

    /// Tells whether nothing has made an answer about the subject void since.
    pub(crate) fn is_good(&self, since: Epoch, subject: Subject) -> bool {
        since.0 >= self.floor.load(Ordering::SeqCst)
            && since.0 >= self.slots[slot(subject)].load(Ordering::SeqCst)
    }

    /// Tells whether a thing's right on a channel, known since then, is still good.
    pub(crate) fn is_right_good(&self, since: Epoch, thing: ThingId, channel: ChannelId) -> bool {
        self.is_good(since, Subject::Thing(thing))
            && self.is_good(since, Subject::Channel(channel))
            && self.is_good(since, Subject::Connection(thing, channel))
    }
}

/// Ids are random, so their bits spread the subjects well enough; nobody outside can choose them.
fn slot(subject: Subject) -> usize {
    let bits = match subject {
        Subject::Thing(thing) => thing.uuid().as_u128(),
        Subject::Channel(channel) => channel.uuid().as_u128(),
        Subject::Connection(thing, channel) => {
            thing.uuid().as_u128().rotate_left(7) ^ channel.uuid().as_u128()
        }
        Subject::Certificate(fingerprint) => fingerprint
            .bytes()
            .iter()
            .fold(0, |bits, byte| bits << 4 ^ u128::from(*byte)),
    };
    let folded = bits ^ bits >> 64;
    usize::try_from(folded % SLOTS as u128).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_older_than_the_change_is_void_and_a_later_one_is_good() {
        let epochs = Epochs::new();
        let (thing, channel) = (ThingId::random(), ChannelId::random());
        for change in [
            Subject::Thing(thing),
            Subject::Channel(channel),
            Subject::Connection(thing, channel),
        ] {
            let before = epochs.now();
            assert!(epochs.is_right_good(before, thing, channel));
            epochs.void(change);
            assert!(!epochs.is_right_good(before, thing, channel), "{change:?}");
            assert!(
                epochs.is_right_good(epochs.now(), thing, channel),
                "{change:?}"
            );
        }
    }

    #[test]
    fn a_lost_connection_leaves_the_identity_alone() {
        let epochs = Epochs::new();
        let (thing, channel) = (
            ThingId::from(uuid::Uuid::from_u128(1)),
            ChannelId::from(uuid::Uuid::from_u128(2)),
        );
        let before = epochs.now();
        epochs.void(Subject::Connection(thing, channel));
        assert!(epochs.is_good(before, Subject::Thing(thing)));
    }

    #[test]
    fn all_means_all() {
        let epochs = Epochs::new();
        let before = epochs.now();
        epochs.void_all();
        assert!(!epochs.is_good(before, Subject::Thing(ThingId::random())));
        assert!(!epochs.is_good(before, Subject::Certificate(Fingerprint::from([7; 32]))));
    }
}
