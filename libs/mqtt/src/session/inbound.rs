use std::collections::HashMap;

use crate::packet::PacketId;

/// What the server has received with QoS 2 and the client has not released yet: this is what keeps a message that is
/// sent twice from reaching the bus twice.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    received: HashMap<PacketId, Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The bus has not answered yet.
    Publishing,
    /// The bus has the message; only its release is missing.
    Accepted,
}

/// What a QoS 2 PUBLISH is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Not seen before: it goes to the bus.
    New,
    /// On its way to the bus: its PUBREC follows.
    Pending,
    /// In the bus already: only the PUBREC is sent again.
    Repeated,
}

impl Inbound {
    pub(crate) fn arrive(&mut self, id: PacketId) -> Arrival {
        match self.received.get(&id) {
            Some(Stage::Publishing) => Arrival::Pending,
            Some(Stage::Accepted) => Arrival::Repeated,
            None => {
                self.received.insert(id, Stage::Publishing);
                Arrival::New
            }
        }
    }

    /// Notes that the bus has the message.
    pub(crate) fn accept(&mut self, id: PacketId) {
        if let Some(stage) = self.received.get_mut(&id) {
            *stage = Stage::Accepted;
        }
    }

    /// Notes that the bus refused the message, which ends the exchange (MQTT 5.0 section 4.3.3).
    pub(crate) fn refuse(&mut self, id: PacketId) {
        self.received.remove(&id);
    }

    /// Forgets what has had no answer when its connection ends: the client sends it again, as if for the first time.
    pub(crate) fn forget_unanswered(&mut self) {
        self.received.retain(|_, stage| *stage == Stage::Accepted);
    }

    /// Handles a PUBREL; tells whether there was something to release.
    pub(crate) fn release(&mut self, id: PacketId) -> bool {
        self.received.remove(&id).is_some()
    }

    /// How many are not released.
    pub(crate) fn len(&self) -> usize {
        self.received.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: PacketId = PacketId::MIN;

    #[test]
    fn w30_a_message_arrives_once_until_it_is_released() {
        let mut inbound = Inbound::default();
        assert_eq!(inbound.arrive(ONE), Arrival::New);
        assert_eq!(inbound.arrive(ONE), Arrival::Pending);
        inbound.accept(ONE);
        assert_eq!(inbound.arrive(ONE), Arrival::Repeated);
        assert!(inbound.release(ONE));
        assert!(!inbound.release(ONE));
        assert_eq!(inbound.arrive(ONE), Arrival::New);
    }

    #[test]
    fn a_refused_message_may_be_sent_again() {
        let mut inbound = Inbound::default();
        assert_eq!(inbound.arrive(ONE), Arrival::New);
        inbound.refuse(ONE);
        assert_eq!(inbound.len(), 0);
        assert_eq!(inbound.arrive(ONE), Arrival::New);
    }

    #[test]
    fn what_had_no_answer_is_new_to_the_next_connection() {
        let two = PacketId::MIN.saturating_add(1);
        let mut inbound = Inbound::default();
        inbound.arrive(ONE);
        inbound.arrive(two);
        inbound.accept(two);
        inbound.forget_unanswered();
        assert_eq!(inbound.arrive(ONE), Arrival::New);
        assert_eq!(inbound.arrive(two), Arrival::Repeated);
    }
}
