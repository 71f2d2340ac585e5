use std::sync::Arc;

use messaging::Message;
use model::ChannelId;

use super::Peer;
use crate::codec::{PublishCopy, PublishFrame};
use crate::counters::Counters;
use crate::frames::Frames;
use crate::packet::{PacketId, Qos, Reason, Version};
use crate::session::{Delivery, Offer, Wanted};
use crate::shard::Shard;

impl Peer {
    /// Returns what the client wants of a message, given by its channel and what follows `messages` in its topic.
    pub(crate) fn wanted(&self, channel: ChannelId, tail: &str, own: bool) -> Option<Wanted> {
        let session = self.session.borrow();
        session.subscriptions.wanted(channel, tail, own)
    }

    /// Adds a message the client subscribes to, as far as there is room.
    pub(crate) fn deliver(
        &self,
        message: &Arc<Message>,
        frames: &mut Frames<'_>,
        wanted: Wanted,
        retain: bool,
        shard: &Shard,
    ) {
        let counters = &shard.counters;
        let qos = published_qos(message).min(wanted.qos);
        let delivery = Delivery {
            message: message.clone(),
            qos,
            retain,
            relative: wanted.relative,
            subscription_ids: wanted.ids,
            place: None,
        };
        if qos == Qos::AtMostOnce {
            if self.is_full() {
                counters.dropped_slow.add(1);
            } else {
                self.write_publish(frames, &delivery, None, false, counters);
            }
        } else {
            self.offer(&delivery, frames, counters);
        }
        self.press_when_behind(&shard.node.pressure, message.channel);
    }

    /// Takes a QoS 1 or 2 message, and sends it when it may go at once; says whether the client will get it.
    pub(crate) fn offer(
        &self,
        delivery: &Delivery,
        frames: &mut Frames<'_>,
        counters: &Counters,
    ) -> bool {
        let mut session = self.session.borrow_mut();
        let offer = if self.is_full() {
            session.outbound.hold(delivery.clone(), self.window)
        } else {
            session.outbound.offer(delivery.clone(), self.window)
        };
        match offer {
            Offer::Send(id) => {
                let sent = self.write_publish(frames, delivery, Some(id), false, counters);
                if !sent {
                    session.outbound.refuse(id);
                }
                sent
            }
            Offer::Queued => true,
            Offer::Full => {
                self.cut_slow(counters);
                false
            }
        }
    }

    fn cut_slow(&self, counters: &Counters) {
        if self.close.get().is_none() {
            counters.cut_slow.add(1);
        }
        self.close(
            Reason::QuotaExceeded,
            "too many messages wait for this client",
        );
    }

    /// Sends QoS 0 at once; for those who have made sure that there is room.
    pub(crate) fn send_unacknowledged(
        &self,
        delivery: &Delivery,
        frames: &mut Frames<'_>,
        counters: &Counters,
    ) {
        self.write_publish(frames, delivery, None, false, counters);
    }

    /// Adds a PUBLISH; says whether the client takes one so large.
    pub(super) fn write_publish(
        &self,
        frames: &mut Frames<'_>,
        delivery: &Delivery,
        id: Option<PacketId>,
        dup: bool,
        counters: &Counters,
    ) -> bool {
        let v5 = self.encoder.version == Version::V5;
        let mut copy = PublishCopy {
            delivery: id.map(|id| (delivery.qos, id)),
            dup,
            retain: delivery.retain,
            subscription_ids: if v5 { &delivery.subscription_ids } else { &[] },
            alias: None,
        };
        let frame = frames.get(self.encoder.version, id.is_some(), delivery.relative);
        let takes = |frame: &PublishFrame, copy: &PublishCopy<'_>| {
            frame.size(copy) <= self.encoder.max_packet_size as usize
        };
        if let Some(frame) = frame.filter(|_| v5) {
            copy.alias = self.aliases.borrow().find(frame.topic());
            // The first copy of a topic is larger with its alias than without.
            copy.alias = copy.alias.filter(|_| takes(frame, &copy));
        }
        let Some(frame) = frame.filter(|frame| takes(frame, &copy)) else {
            counters.dropped_large.add(1);
            return false;
        };
        if let Some(alias) = copy.alias {
            self.aliases.borrow_mut().sent(frame.topic(), alias);
        }
        self.out.borrow_mut().append(|buf| frame.write(&copy, buf));
        counters.sent(delivery.qos);
        self.wake();
        true
    }
}

/// Returns the QoS a message was published with.
pub(crate) fn published_qos(message: &Message) -> Qos {
    Qos::from_u8(message.qos).unwrap_or(Qos::ExactlyOnce)
}
