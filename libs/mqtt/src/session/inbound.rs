use std::collections::HashMap;

use model::MessageId;

use crate::packet::PacketId;

/// What the server has received with QoS 2 and the client has not released yet: this is what keeps a message that is
/// sent twice from reaching the bus twice.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    received: HashMap<PacketId, Received>,
}

#[derive(Debug)]
struct Received {
    /// As which message it is published, where that is to survive a crash.
    message: Option<MessageId>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The bus has not answered yet.
    Publishing,
    /// The bus has the message; only its release is missing.
    Accepted,
    /// The process or the connection ended before it was known whether the bus has the message.
    Unsure,
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
    /// Perhaps in the bus already, as this message: it goes there as the same again, and the bus keeps it once.
    Unsure(MessageId),
}

impl Inbound {
    pub(crate) fn arrive(&mut self, id: PacketId) -> Arrival {
        let Some(received) = self.received.get_mut(&id) else {
            let (message, stage) = (None, Stage::Publishing);
            self.received.insert(id, Received { message, stage });
            return Arrival::New;
        };
        match (received.stage, received.message) {
            (Stage::Publishing, _) => Arrival::Pending,
            (Stage::Unsure, Some(message)) => {
                received.stage = Stage::Publishing;
                Arrival::Unsure(message)
            }
            (Stage::Accepted | Stage::Unsure, _) => Arrival::Repeated,
        }
    }

    /// Notes as which message it is published.
    pub(crate) fn name(&mut self, id: PacketId, message: MessageId) {
        if let Some(received) = self.received.get_mut(&id) {
            received.message = Some(message);
        }
    }

    /// Returns what has such a name, and whether the bus has it.
    pub(crate) fn named(&self) -> impl Iterator<Item = (PacketId, MessageId, bool)> {
        let all = self.received.iter();
        all.filter_map(|(id, received)| {
            Some((*id, received.message?, received.stage == Stage::Accepted))
        })
    }

    /// Goes on with what was received before a restart.
    pub(crate) fn restore(&mut self, id: PacketId, message: MessageId, accepted: bool) {
        let stage = if accepted {
            Stage::Accepted
        } else {
            Stage::Unsure
        };
        let message = Some(message);
        self.received.insert(id, Received { message, stage });
    }

    /// Notes that the bus has the message.
    pub(crate) fn accept(&mut self, id: PacketId) {
        if let Some(received) = self.received.get_mut(&id) {
            received.stage = Stage::Accepted;
        }
    }

    /// Notes that the bus refused the message, which ends the exchange (MQTT 5.0 section 4.3.3).
    pub(crate) fn refuse(&mut self, id: PacketId) {
        self.received.remove(&id);
    }

    /// Forgets what has had no answer when its connection ends: the client sends it again, as if for the first time. What has
    /// a name stays, for the bus may have it all the same.
    pub(crate) fn forget_unanswered(&mut self) {
        self.received.retain(|_, received| {
            let unanswered = received.stage == Stage::Publishing;
            if unanswered && received.message.is_some() {
                received.stage = Stage::Unsure;
            }
            !unanswered || received.message.is_some()
        });
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
    fn what_a_restart_interrupted_is_published_as_the_same_message() {
        let (message, two) = (MessageId::random(), PacketId::MIN.saturating_add(1));
        let mut inbound = Inbound::default();
        inbound.restore(ONE, message, false);
        inbound.restore(two, message, true);
        assert_eq!(inbound.arrive(ONE), Arrival::Unsure(message));
        assert_eq!(inbound.arrive(ONE), Arrival::Pending);
        inbound.accept(ONE);
        assert_eq!(inbound.arrive(ONE), Arrival::Repeated);
        assert_eq!(inbound.arrive(two), Arrival::Repeated);
        assert_eq!(inbound.named().count(), 2);
        assert!(inbound.release(ONE) && inbound.release(two));
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
    fn what_had_no_answer_is_new_to_the_next_connection_unless_it_has_a_name() {
        let [two, three] = [1, 2].map(|more| PacketId::MIN.saturating_add(more));
        let mut inbound = Inbound::default();
        for id in [ONE, two, three] {
            inbound.arrive(id);
        }
        inbound.accept(two);
        let message = MessageId::random();
        inbound.name(three, message);
        inbound.forget_unanswered();
        assert_eq!(inbound.arrive(ONE), Arrival::New);
        assert_eq!(inbound.arrive(two), Arrival::Repeated);
        assert_eq!(inbound.arrive(three), Arrival::Unsure(message));
    }
}
