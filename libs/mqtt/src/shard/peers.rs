use std::rc::Rc;

use crate::peer::{Peer, PeerId};

/// The connections of a shard, by the number that stands for each in the index.
#[derive(Default)]
pub(super) struct Peers {
    slots: Vec<Option<Rc<Peer>>>,
    free: Vec<PeerId>,
}

impl Peers {
    pub(super) fn add(&mut self, make: impl FnOnce(PeerId) -> Peer) -> Rc<Peer> {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            PeerId::try_from(self.slots.len() - 1)
                .expect("descriptors run out long before numbers do")
        });
        let peer = Rc::new(make(id));
        self.slots[id as usize] = Some(peer.clone());
        peer
    }

    /// Frees the number; no subscription may have it any more.
    pub(super) fn remove(&mut self, id: PeerId) {
        if self.slots[id as usize].take().is_some() {
            self.free.push(id);
        }
    }

    pub(super) fn get(&self, id: PeerId) -> Option<&Rc<Peer>> {
        self.slots.get(id as usize)?.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rc<Peer>> {
        self.slots.iter().flatten()
    }
}
