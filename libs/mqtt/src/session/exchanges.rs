use messaging::Seq;
use model::MessageId;
use serde::{Deserialize, Serialize};

use super::{Session, Taken};
use crate::packet::PacketId;
use crate::queue::QueueId;

/// What a session must not forget of its QoS 2 exchanges, as it is stored.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchanges {
    /// What the client has sent and not released: as which message it is published, and whether the bus has it.
    received: Vec<(PacketId, MessageId, bool)>,
    /// What the client has taken and was told to release.
    released: Vec<PacketId>,
    /// What it has taken of its durable queues.
    taken: Vec<(QueueId, u64, Vec<u64>)>,
}

impl Session {
    /// Returns what is to be stored of its exchanges.
    pub(crate) fn exchanges(&mut self) -> Exchanges {
        if self.outbound.taken_len() > self.subscriptions.len() {
            let queues = self.subscriptions.queues();
            self.outbound.retain_taken(|queue| queues.contains(queue));
        }
        let taken = self.outbound.settle_taken().map(|(queue, taken)| {
            let beyond = taken.beyond.iter().map(|seq| seq.0).collect();
            (queue, taken.floor.0, beyond)
        });
        Exchanges {
            taken: taken.collect(),
            received: self.inbound.named().collect(),
            released: self.outbound.released(),
        }
    }

    /// Goes on with exchanges that were begun before a restart or on another node.
    pub(crate) fn take_up(&mut self, exchanges: Exchanges) {
        for (id, message, accepted) in exchanges.received {
            self.inbound.restore(id, message, accepted);
        }
        for id in exchanges.released {
            self.outbound.restore(id);
        }
        for (queue, floor, beyond) in exchanges.taken {
            let taken = Taken {
                floor: Seq(floor),
                beyond: beyond.into_iter().map(Seq).collect(),
            };
            self.outbound.restore_taken(queue, taken);
        }
    }
}
