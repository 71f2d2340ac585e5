use std::collections::{HashMap, VecDeque};

use super::{Delivery, Slot, Stage};
use crate::packet::{PacketId, Qos};

/// How many identifiers are given out as they are free; the others follow from places in durable queues.
pub(super) const NUMBERED: usize = 0x7fff;

/// The packet identifiers that are in use towards one client, and what each stands for.
///
/// A QoS 2 message of a durable queue has an identifier that follows from its place there: when it is sent again after a
/// crash, the client knows it by that.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// The identifier of the first numbered slot, less one.
    base: usize,
    numbered: Vec<Option<Slot>>,
    free: VecDeque<usize>,
    placed: HashMap<PacketId, Slot>,
    used: usize,
}

impl Slots {
    pub(super) fn starting_at(base: u16) -> Self {
        Self {
            base: usize::from(base) % NUMBERED,
            ..Self::default()
        }
    }

    /// How many are in use.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Tells whether a message can have an identifier now.
    pub(super) fn is_free_for(&self, delivery: &Delivery) -> bool {
        match of_place(delivery) {
            Some(id) => !self.placed.contains_key(&id),
            None => !self.free.is_empty() || self.numbered.len() < NUMBERED,
        }
    }

    /// Gives an identifier to a message that can have one.
    pub(super) fn insert(&mut self, order: u64, delivery: Delivery) -> PacketId {
        let id = of_place(&delivery);
        let slot = Slot {
            order,
            stage: Stage::Sent(delivery),
        };
        self.used += 1;
        if let Some(id) = id {
            self.placed.insert(id, slot);
            return id;
        }
        if let Some(at) = self.free.pop_front() {
            self.numbered[at] = Some(slot);
            return self.numbered_id(at);
        }
        // What was restored keeps its identifier, whichever half that is of.
        while self
            .placed
            .contains_key(&self.numbered_id(self.numbered.len()))
        {
            self.numbered.push(None);
        }
        self.numbered.push(Some(slot));
        self.numbered_id(self.numbered.len() - 1)
    }

    /// Takes an identifier that was in use before a restart.
    pub(super) fn restore(&mut self, id: PacketId, slot: Slot) {
        self.used += usize::from(self.placed.insert(id, slot).is_none());
    }

    pub(super) fn get(&self, id: PacketId) -> Option<&Slot> {
        let placed = self.placed.get(&id);
        placed.or_else(|| self.numbered.get(self.number(id))?.as_ref())
    }

    pub(super) fn get_mut(&mut self, id: PacketId) -> Option<&mut Slot> {
        let at = self.number(id);
        let placed = self.placed.get_mut(&id);
        placed.or_else(|| self.numbered.get_mut(at)?.as_mut())
    }

    pub(super) fn remove(&mut self, id: PacketId) -> Option<Slot> {
        let at = self.number(id);
        let slot = self.placed.remove(&id).or_else(|| {
            let slot = self.numbered.get_mut(at)?.take()?;
            self.free.push_back(at);
            Some(slot)
        })?;
        self.used -= 1;
        Some(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PacketId, &Slot)> {
        let numbered = self.numbered.iter().enumerate();
        let numbered =
            numbered.filter_map(|(at, slot)| Some((self.numbered_id(at), slot.as_ref()?)));
        numbered.chain(self.placed.iter().map(|(id, slot)| (*id, slot)))
    }

    /// Returns where the slot of an identifier is if it is a numbered one, and else a place where none is.
    fn number(&self, id: PacketId) -> usize {
        let id = usize::from(id.get());
        if id > NUMBERED {
            return NUMBERED;
        }
        (NUMBERED + id - 1 - self.base) % NUMBERED
    }

    fn numbered_id(&self, at: usize) -> PacketId {
        let id = (at + self.base) % NUMBERED + 1;
        identifier(u16::try_from(id).unwrap_or(u16::MAX))
    }
}

/// Returns the identifier that a QoS 2 message of a durable queue has.
fn of_place(delivery: &Delivery) -> Option<PacketId> {
    let place = delivery
        .place
        .filter(|_| delivery.qos == Qos::ExactlyOnce)?;
    let [.., high, low] = place.seq.0.to_be_bytes();
    Some(identifier(u16::from_be_bytes([high | 0x80, low])))
}

fn identifier(id: u16) -> PacketId {
    PacketId::new(id).expect("one more than something, or with its highest bit set")
}
