use super::serve::Conn;
use crate::packet::{Ack, Outgoing, Reason};
use crate::peer::Peer;

impl Conn {
    pub(super) fn on_puback(&mut self, ack: Ack) {
        let done = self
            .peer
            .session
            .borrow_mut()
            .outbound
            .acknowledge(ack.packet_id);
        if let Some(delivery) = done {
            self.peer.settle(&delivery);
        }
    }

    pub(super) fn on_pubrec(&mut self, ack: Ack) {
        let mut session = self.peer.session.borrow_mut();
        if ack.reason.is_error() {
            let done = session.outbound.refuse(ack.packet_id);
            drop(session);
            if let Some(delivery) = done {
                self.peer.settle(&delivery);
            }
            return;
        }
        // From here on the client owns the message: a second copy from the bus would be a duplicate to it.
        let (done, known) = session.outbound.receive(ack.packet_id);
        drop(session);
        let answer = Ack {
            packet_id: ack.packet_id,
            reason: found(known),
        };
        // Without that on record the message might come again after a crash, when the client has forgotten it.
        self.stored(known, move |peer| {
            if let Some(delivery) = done {
                peer.settle(&delivery);
            }
            peer.send(&Outgoing::PubRel(answer));
        });
    }

    pub(super) fn on_pubcomp(&mut self, ack: Ack) {
        self.peer
            .session
            .borrow_mut()
            .outbound
            .complete(ack.packet_id);
        self.noted();
    }

    pub(super) fn on_pubrel(&mut self, ack: Ack) {
        let known = self
            .peer
            .session
            .borrow_mut()
            .inbound
            .release(ack.packet_id);
        let answer = Ack {
            packet_id: ack.packet_id,
            reason: found(known),
        };
        // Without that on record another message with this identifier might be taken for this one after a crash.
        self.stored(known, move |peer| peer.send(&Outgoing::PubComp(answer)));
    }

    /// Does something once the exchanges of the session are on record, if they changed and outlive the process at all.
    fn stored(&self, changed: bool, then: impl FnOnce(&Peer) + 'static) {
        match &self.journal {
            Some(journal) if changed => journal.store(then),
            Some(_) | None => then(&self.peer),
        }
    }

    /// Notes a change of the exchanges that may be forgotten in a crash.
    pub(super) fn noted(&self) {
        if let Some(journal) = &self.journal {
            journal.note();
        }
    }
}

const fn found(known: bool) -> Reason {
    if known {
        Reason::Success
    } else {
        Reason::PacketIdNotFound
    }
}
