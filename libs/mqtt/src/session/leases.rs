use std::fmt;

use messaging::{Consumer, Message, Seq};

use crate::queue::QueueId;

/// Messages of groups that a client has begun to receive with QoS 2: they are for nobody else any more, although the client
/// is away (MQTT 5.0 section 4.8.2).
#[derive(Debug, Default)]
pub(crate) struct Leases(Vec<Lease>);

struct Lease {
    queue: QueueId,
    /// While it is open, what it was given goes to no other member.
    consumer: Box<dyn Consumer<Message>>,
    begun: Vec<Seq>,
}

impl Leases {
    pub(crate) fn keep(
        &mut self,
        queue: QueueId,
        consumer: Box<dyn Consumer<Message>>,
        begun: Vec<Seq>,
    ) {
        self.0.push(Lease {
            queue,
            consumer,
            begun,
        });
    }

    /// Returns the place in the queue of a group that was kept.
    pub(crate) fn take(&mut self, queue: QueueId) -> Option<Box<dyn Consumer<Message>>> {
        let at = self.0.iter().position(|lease| lease.queue == queue)?;
        Some(self.0.swap_remove(at).consumer)
    }

    /// Gives up on what was begun, as its client does not come back.
    pub(crate) fn discard(&mut self) {
        for mut lease in self.0.drain(..) {
            for seq in lease.begun {
                lease.consumer.ack(seq);
            }
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("queue", &self.queue)
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}
