use std::collections::BTreeSet;

use messaging::Seq;

/// How many messages are remembered beyond the first one that a client has not taken.
const MAX_BEYOND: usize = 1024;

/// What a client has taken of a durable queue with QoS 2. The bus writes that down later than it is told, so that after a
/// crash it brings again what would be a duplicate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Up to here everything is done with, whatever its QoS.
    pub(crate) floor: Seq,
    /// What was taken after that.
    pub(crate) beyond: BTreeSet<Seq>,
}

impl Taken {
    pub(super) fn take(&mut self, seq: Seq) {
        self.beyond.insert(seq);
        if self.beyond.len() > MAX_BEYOND {
            self.beyond.pop_first();
        }
    }

    /// Moves the floor to before the first message that is still on its way, or past all that was taken.
    pub(super) fn settle(&mut self, on_its_way: Option<Seq>) {
        let floor = match on_its_way {
            Some(first) => Seq(first.0.saturating_sub(1)),
            None => self.beyond.last().copied().unwrap_or_default(),
        };
        // Beyond what was taken nothing is known: it may have been sent to nobody yet.
        let newest = self.beyond.last().copied().unwrap_or(self.floor);
        self.floor = self.floor.max(floor.min(newest));
        self.beyond = self.beyond.split_off(&Seq(self.floor.0 + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_below_what_is_on_its_way() {
        let mut taken = Taken::default();
        for seq in [3, 5, 6] {
            taken.take(Seq(seq));
        }
        taken.settle(Some(Seq(4)));
        assert_eq!(taken.floor, Seq(3));
        assert_eq!(Vec::from_iter(taken.beyond.clone()), [Seq(5), Seq(6)]);
        taken.settle(Some(Seq(9)));
        assert_eq!((taken.floor, taken.beyond.len()), (Seq(6), 0));
        taken.settle(Some(Seq(2)));
        assert_eq!(taken.floor, Seq(6), "it never goes back");
        taken.settle(None);
        assert_eq!(taken.floor, Seq(6));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut taken = Taken::default();
        for seq in 0..5000 {
            taken.take(Seq(seq));
        }
        assert_eq!(taken.beyond.len(), MAX_BEYOND);
        assert!(taken.beyond.contains(&Seq(4999)));
    }
}
