use messaging::Seq;
use model::Timestamp;

use super::Peer;
use crate::counters::Counters;
use crate::frames::Frames;
use crate::packet::{Ack, Outgoing, Qos, Reason};
use crate::queue::QueueId;
use crate::session::Delivery;

impl Peer {
    /// Adds retained messages, to be sent as there is room; says whether there was room to keep them.
    pub(crate) fn add_backlog(
        &self,
        deliveries: impl IntoIterator<Item = Delivery>,
        limit: usize,
    ) -> bool {
        let mut backlog = self.backlog.borrow_mut();
        backlog.extend(deliveries);
        self.wake();
        backlog.len() <= limit
    }

    /// Sends what waited for room; says whether there was something.
    pub(crate) fn pump(&self, counters: &Counters) -> bool {
        let before = self.out.borrow().len();
        while self.resumed.get() && !self.is_full() {
            let mut session = self.session.borrow_mut();
            let Some(next) = session.outbound.next(self.window) else {
                break;
            };
            let (id, delivery, again) = (next.id, next.delivery.clone(), next.again);
            // What was sent once may have been received, so it is brought to its end whatever its age.
            let sent = (again || self.is_fresh(&delivery, counters))
                && self.write_publish(
                    &mut Frames::new(&delivery.message),
                    &delivery,
                    Some(id),
                    again,
                    counters,
                );
            if !sent {
                session.outbound.refuse(id);
                drop(session);
                self.settle(&delivery);
            }
        }
        while !self.is_full() && self.has_room() {
            let Some(delivery) = self.backlog.borrow_mut().pop_front() else {
                break;
            };
            if !self.is_fresh(&delivery, counters) {
                continue;
            }
            let message = delivery.message.clone();
            let mut frames = Frames::new(&message);
            if delivery.qos == Qos::AtMostOnce {
                self.write_publish(&mut frames, &delivery, None, false, counters);
            } else {
                self.offer(&delivery, &mut frames, counters);
            }
        }
        if self.starved.get() && self.has_room() {
            self.starved.set(false);
            self.progress.notify_waiters();
        }
        self.out.borrow().len() > before
    }

    /// Has the feeds told when there is room.
    pub(crate) fn await_room(&self) {
        self.starved.set(true);
    }

    fn is_fresh(&self, delivery: &Delivery, counters: &Counters) -> bool {
        let fresh = delivery
            .message
            .expires
            .is_none_or(|expires| expires > Timestamp::now());
        if !fresh {
            counters.dropped_expired.add(1);
        }
        fresh
    }

    /// Begins to send again what the client has not acknowledged in its last connection.
    pub(crate) fn resend(&self) {
        self.resumed.set(true);
        let released = self.session.borrow_mut().outbound.resume();
        for packet_id in released {
            self.send(&Outgoing::PubRel(Ack {
                packet_id,
                reason: Reason::Success,
            }));
        }
    }

    /// Tells whether another QoS 1 or 2 message would go at once.
    pub(crate) fn has_room(&self) -> bool {
        let session = self.session.borrow();
        !self.is_full() && session.outbound.has_room(self.window)
    }

    /// Notes that the client has taken a message.
    pub(crate) fn settle(&self, delivery: &Delivery) {
        if let Some(place) = delivery.place {
            self.settled.borrow_mut().push(place);
            self.progress.notify_waiters();
        }
    }

    /// Returns what the client has taken of a queue.
    pub(crate) fn take_settled(&self, queue: QueueId) -> Vec<Seq> {
        let mut settled = self.settled.borrow_mut();
        let of_queue = settled.extract_if(.., |place| place.queue == queue);
        of_queue.map(|place| place.seq).collect()
    }
}
