use super::serve::Conn;
use crate::packet::{Ack, Outgoing, Reason};

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
        if let Some(delivery) = done {
            self.peer.settle(&delivery);
        }
        self.peer.send(&Outgoing::PubRel(Ack {
            packet_id: ack.packet_id,
            reason: if known {
                Reason::Success
            } else {
                Reason::PacketIdNotFound
            },
        }));
    }

    pub(super) fn on_pubcomp(&mut self, ack: Ack) {
        self.peer
            .session
            .borrow_mut()
            .outbound
            .complete(ack.packet_id);
    }

    pub(super) fn on_pubrel(&mut self, ack: Ack) {
        let known = self
            .peer
            .session
            .borrow_mut()
            .inbound
            .release(ack.packet_id);
        self.peer.send(&Outgoing::PubComp(Ack {
            packet_id: ack.packet_id,
            reason: if known {
                Reason::Success
            } else {
                Reason::PacketIdNotFound
            },
        }));
    }
}
