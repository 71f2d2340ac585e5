mod slots;
mod taken;

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

use messaging::{Message, Record, Seq};
use model::ChannelId;

use crate::packet::{PacketId, Qos};
use crate::queue::QueueId;
use slots::Slots;
pub(crate) use taken::Taken;

/// A QoS 1 or 2 message meant for one client.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Arc<Message>,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// Whether it goes out under its relative topic.
    pub(crate) relative: bool,
    /// The identifiers of the subscriptions it matches.
    pub(crate) subscription_ids: Vec<NonZeroU32>,
    /// Where the bus keeps it for this session, when it does.
    pub(crate) place: Option<Place>,
}

/// A record in a durable queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) queue: QueueId,
    pub(crate) seq: Seq,
}

/// Bounds of [`Outbound`] that depend on the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// How many may be unacknowledged at a time.
    pub(crate) inflight: u16,
    /// How many may wait for that.
    pub(crate) queued: usize,
    /// How many bytes may be unacknowledged, and how many may wait; one message may always, whatever its size.
    pub(crate) bytes: usize,
}

/// What happens to a message that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is to be sent now, with this identifier.
    Send(PacketId),
    /// It waits until others are acknowledged.
    Queued,
    /// There is no room for it.
    Full,
}

#[derive(Debug)]
enum Stage {
    /// Sent and not acknowledged at all.
    Sent(Delivery),
    /// The client has it (PUBREC); its PUBCOMP is missing.
    Released,
}

#[derive(Debug)]
struct Slot {
    /// Orders what is sent again after a reconnect.
    order: u64,
    stage: Stage,
}

/// A message that is to be sent now.
#[derive(Debug)]
pub(crate) struct Next<'a> {
    pub(crate) id: PacketId,
    pub(crate) delivery: &'a Delivery,
    /// Whether an earlier connection has sent it too.
    pub(crate) again: bool,
}

/// QoS 1 and 2 messages on their way to one client. A packet identifier stands for a slot.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    slots: Slots,
    sent_bytes: usize,
    queue: VecDeque<Delivery>,
    queued_bytes: usize,
    /// What an earlier connection has sent and this one has yet to send again, in order.
    again: VecDeque<PacketId>,
    sent: u64,
    /// What the client has taken of its durable queues with QoS 2.
    taken: HashMap<QueueId, Taken>,
}

impl Outbound {
    /// Makes one whose identifiers begin anywhere.
    ///
    /// A client may still hold identifiers of QoS 2 messages from before a crash of the server, and would take a new
    /// message with one of them for a repetition.
    pub(crate) fn starting_at(base: u16) -> Self {
        Self {
            slots: Slots::starting_at(base),
            ..Self::default()
        }
    }

    /// Takes a message, to be sent now or later.
    pub(crate) fn offer(&mut self, delivery: Delivery, window: Window) -> Offer {
        let waiting = !self.queue.is_empty() || !self.again.is_empty();
        if !waiting && self.may_send(window) && self.slots.is_free_for(&delivery) {
            return Offer::Send(self.occupy(delivery));
        }
        self.hold(delivery, window)
    }

    /// Takes a message that must not be sent yet although there may be room in the window.
    pub(crate) fn hold(&mut self, delivery: Delivery, window: Window) -> Offer {
        let size = delivery.message.size();
        let bytes = self.queued_bytes + size;
        if self.queue.len() >= window.queued || (bytes > window.bytes && !self.queue.is_empty()) {
            return Offer::Full;
        }
        self.queued_bytes = bytes;
        self.queue.push_back(delivery);
        Offer::Queued
    }

    /// Moves the next waiting message into the window.
    pub(crate) fn next(&mut self, window: Window) -> Option<Next<'_>> {
        if !self.has_window(window) {
            return None;
        }
        let again = self.again.pop_front();
        let id = match again {
            Some(id) => id,
            None => {
                let may_be_sent = |next: &mut Delivery| self.slots.is_free_for(next);
                if !self.may_send(window) {
                    return None;
                }
                let delivery = self.queue.pop_front_if(may_be_sent)?;
                self.queued_bytes -= delivery.message.size();
                self.occupy(delivery)
            }
        };
        match &self.slots.get(id)?.stage {
            Stage::Sent(delivery) => Some(Next {
                id,
                delivery,
                again: again.is_some(),
            }),
            Stage::Released => None,
        }
    }

    /// Handles PUBACK; returns the message that is done with.
    pub(crate) fn acknowledge(&mut self, id: PacketId) -> Option<Delivery> {
        match self.stage(id)? {
            Stage::Sent(delivery) if delivery.qos == Qos::AtLeastOnce => self.vacate(id),
            _ => None,
        }
    }

    /// Handles a PUBREC that accepts: from here on the client owns the message, which is returned. The second value tells
    /// whether a PUBREL is to be sent, as it is for a repeated PUBREC too.
    pub(crate) fn receive(&mut self, id: PacketId) -> (Option<Delivery>, bool) {
        self.again.retain(|waiting| *waiting != id);
        match self.stage(id) {
            Some(Stage::Released) => (None, true),
            Some(stage @ Stage::Sent(_)) => match std::mem::replace(stage, Stage::Released) {
                Stage::Sent(delivery) if delivery.qos == Qos::ExactlyOnce => {
                    self.sent_bytes -= delivery.message.size();
                    if let Some(Place { queue, seq }) = delivery.place {
                        self.taken.entry(queue).or_default().take(seq);
                    }
                    (Some(delivery), true)
                }
                other => {
                    *stage = other;
                    (None, false)
                }
            },
            None => (None, false),
        }
    }

    /// Handles a PUBREC that refuses: the exchange is over.
    pub(crate) fn refuse(&mut self, id: PacketId) -> Option<Delivery> {
        match self.stage(id)? {
            Stage::Sent(_) => self.vacate(id),
            Stage::Released => None,
        }
    }

    /// Handles PUBCOMP; tells whether it was awaited.
    pub(crate) fn complete(&mut self, id: PacketId) -> bool {
        let awaited = matches!(self.stage(id), Some(Stage::Released));
        if awaited {
            self.vacate(id);
        }
        awaited
    }

    /// Has what the client has not acknowledged sent again by and by, in the order it was first sent, and returns what is to
    /// be released again at once: that takes nothing of the client's receive maximum.
    pub(crate) fn resume(&mut self) -> Vec<PacketId> {
        self.again = self.in_order(false).into();
        self.released()
    }

    /// Returns which records of a durable queue are on their way already.
    pub(crate) fn places(&self, queue: QueueId) -> Vec<Seq> {
        let sent = self.sent().map(|(_, delivery)| delivery);
        let places = sent
            .chain(&self.queue)
            .filter_map(|delivery| delivery.place);
        let places = places.filter(|place| place.queue == queue);
        places.map(|place| place.seq).collect()
    }

    /// Forgets what a client that is gone has not received of the queue of a group, which another member gets then.
    ///
    /// Returns the records that stay this client's: those it has begun to receive with QoS 2.
    pub(crate) fn part_with(&mut self, queue: QueueId) -> Vec<Seq> {
        let of_queue = |delivery: &Delivery| {
            let place = delivery.place;
            place.is_some_and(|place| place.queue == queue)
        };
        self.retain_queue(|delivery| !of_queue(delivery));
        let sent = self.sent().filter(|(_, delivery)| of_queue(delivery));
        let others = sent.filter(|(_, delivery)| delivery.qos == Qos::AtLeastOnce);
        for id in others.map(|(id, _)| id).collect::<Vec<_>>() {
            self.vacate(id);
        }
        self.places(queue)
    }

    /// Returns the channels of which something is on its way.
    pub(crate) fn channels(&self) -> HashSet<ChannelId> {
        self.sent()
            .map(|(_, delivery)| delivery.message.channel)
            .collect()
    }

    /// Forgets what is on its way of a channel that the client may not receive from any more.
    pub(crate) fn forget(&mut self, channel: ChannelId) {
        let sent = self.sent();
        let lost = sent.filter(|(_, delivery)| delivery.message.channel == channel);
        for id in lost.map(|(id, _)| id).collect::<Vec<_>>() {
            self.vacate(id);
        }
        self.retain_queue(|delivery| delivery.message.channel != channel);
    }

    /// Returns what was sent and not acknowledged at all.
    fn sent(&self) -> impl Iterator<Item = (PacketId, &Delivery)> {
        let slots = self.slots.iter();
        slots.filter_map(|(id, slot)| match &slot.stage {
            Stage::Sent(delivery) => Some((id, delivery)),
            Stage::Released => None,
        })
    }

    fn retain_queue(&mut self, keep: impl Fn(&Delivery) -> bool) {
        self.queue.retain(keep);
        let sizes = self.queue.iter().map(|delivery| delivery.message.size());
        self.queued_bytes = sizes.sum();
    }

    /// Returns what the client has taken and was told to release, in the order it was sent.
    pub(crate) fn released(&self) -> Vec<PacketId> {
        self.in_order(true)
    }

    /// Returns what was released, or what was not, in the order it was sent.
    fn in_order(&self, released: bool) -> Vec<PacketId> {
        let slots = self.slots.iter();
        let chosen = slots.filter(|(_, slot)| matches!(slot.stage, Stage::Released) == released);
        let mut chosen: Vec<_> = chosen.map(|(id, slot)| (slot.order, id)).collect();
        chosen.sort_unstable();
        chosen.into_iter().map(|(_, id)| id).collect()
    }

    /// Goes on to release a message from before a restart.
    pub(crate) fn restore(&mut self, id: PacketId) {
        self.sent += 1;
        let slot = Slot {
            order: self.sent,
            stage: Stage::Released,
        };
        self.slots.restore(id, slot);
    }

    /// Returns what the client has taken of a durable queue with QoS 2.
    pub(crate) fn taken(&self, queue: QueueId) -> Taken {
        self.taken.get(&queue).cloned().unwrap_or_default()
    }

    /// Returns the same for all queues, as short as it can be put.
    pub(crate) fn settle_taken(&mut self) -> impl Iterator<Item = (QueueId, &Taken)> {
        let mut first: HashMap<QueueId, Seq> = HashMap::new();
        let on_their_way = self.sent().map(|(_, delivery)| delivery).chain(&self.queue);
        for place in on_their_way.filter_map(|delivery| delivery.place) {
            let seq = first.entry(place.queue).or_insert(place.seq);
            *seq = place.seq.min(*seq);
        }
        for (queue, taken) in &mut self.taken {
            taken.settle(first.get(queue).copied());
        }
        self.taken.iter().map(|(queue, taken)| (*queue, taken))
    }

    /// Returns of how many queues it is remembered what was taken.
    pub(crate) fn taken_len(&self) -> usize {
        self.taken.len()
    }

    pub(crate) fn retain_taken(&mut self, keep: impl Fn(&QueueId) -> bool) {
        self.taken.retain(|queue, _| keep(queue));
    }

    pub(crate) fn restore_taken(&mut self, queue: QueueId, taken: Taken) {
        self.taken.insert(queue, taken);
    }

    /// Drops what waits, for a client that is gone: its durable queues have what it has a claim to.
    pub(crate) fn clear_queue(&mut self) {
        self.queue.clear();
        self.queued_bytes = 0;
        self.again.clear();
    }

    /// Tells whether another one may be sent.
    fn has_window(&self, window: Window) -> bool {
        self.inflight() - self.again.len() < usize::from(window.inflight)
    }

    /// Tells whether one that was not sent before may be sent.
    fn may_send(&self, window: Window) -> bool {
        let fits = self.sent_bytes < window.bytes || self.inflight() == 0;
        fits && self.has_window(window)
    }

    /// Tells whether one more would be sent at once.
    pub(crate) fn has_room(&self, window: Window) -> bool {
        self.queue.is_empty() && self.again.is_empty() && self.may_send(window)
    }

    /// Tells whether more waits than a part of what may.
    pub(crate) fn is_beyond(&self, window: Window, part: usize) -> bool {
        self.queue.len() > window.queued / part || self.queued_bytes > window.bytes / part
    }

    /// How many are unacknowledged.
    pub(crate) fn inflight(&self) -> usize {
        self.slots.len()
    }

    fn occupy(&mut self, delivery: Delivery) -> PacketId {
        self.sent += 1;
        self.sent_bytes += delivery.message.size();
        self.slots.insert(self.sent, delivery)
    }

    fn vacate(&mut self, id: PacketId) -> Option<Delivery> {
        let slot = self.slots.remove(id)?;
        self.again.retain(|waiting| *waiting != id);
        match slot.stage {
            Stage::Sent(delivery) => {
                self.sent_bytes -= delivery.message.size();
                Some(delivery)
            }
            Stage::Released => None,
        }
    }

    fn stage(&mut self, id: PacketId) -> Option<&mut Stage> {
        self.slots.get_mut(id).map(|slot| &mut slot.stage)
    }
}

#[cfg(test)]
mod tests;
