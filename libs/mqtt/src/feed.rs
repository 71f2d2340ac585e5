use std::collections::HashSet;
use std::pin::pin;
use std::rc::Rc;

use messaging::{Consumer, Message, Seq};
use model::{ErrorKind, Result, Timestamp};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::frames::Frames;
use crate::packet::{Qos, Reason};
use crate::peer::{Peer, published_qos};
use crate::queue::{Queue, QueueId};
use crate::session::{Delivery, Place, Taken};
use crate::shard::Shard;
use crate::store::Membership;
use crate::topic;

/// Takes messages from a durable queue, that of a persistent session for one channel or that of a group, while its client
/// is connected, no faster than the client acknowledges them.
pub(crate) struct Feed {
    stop: oneshot::Sender<()>,
    done: JoinHandle<Box<dyn Consumer<Message>>>,
}

impl Feed {
    /// Opens the queue, which is made when there is none: then it starts with the next message.
    pub(crate) async fn start(shard: &Rc<Shard>, peer: &Rc<Peer>, queue: Queue) -> Result<Self> {
        let id = queue.id();
        let kept = peer.session.borrow_mut().leases.take(id);
        let resumed = kept.is_some();
        let consumer = match kept {
            Some(consumer) => consumer,
            None => {
                let key = peer.session.borrow().key.clone();
                queue.open(&shard.node, &key).await?
            }
        };
        let held = if resumed {
            Vec::new()
        } else {
            peer.session.borrow().outbound.places(id)
        };
        let taken = peer.session.borrow().outbound.taken(id);
        let membership = match &queue {
            Queue::Channel(_) => None,
            Queue::Group(filter) => Some(shard.node.store.join_group(filter)),
        };
        let (stop, stopped) = oneshot::channel();
        let feeding = Feeding {
            shard: shard.clone(),
            peer: peer.clone(),
            queue,
            id,
            held: held.into_iter().collect(),
            taken,
            consumer,
            _membership: membership,
        };
        Ok(Self {
            stop,
            done: shard.tasks.spawn_local(feeding.run(stopped)),
        })
    }

    /// Stops, and returns the place in the queue.
    pub(crate) async fn stop(self) -> Option<Box<dyn Consumer<Message>>> {
        drop(self.stop);
        self.done.await.ok()
    }
}

struct Feeding {
    shard: Rc<Shard>,
    peer: Rc<Peer>,
    queue: Queue,
    /// That of the queue, which takes a hash to find.
    id: QueueId,
    /// What was on its way to the client before the queue was opened again; it comes once more from there.
    held: HashSet<Seq>,
    /// What the client has taken with QoS 2 before that; it may come once more too.
    taken: Taken,
    consumer: Box<dyn Consumer<Message>>,
    _membership: Option<Membership>,
}

impl Feeding {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) -> Box<dyn Consumer<Message>> {
        let peer = self.peer.clone();
        loop {
            let mut progress = pin!(peer.progress.notified());
            progress.as_mut().enable();
            self.acknowledge();
            if !peer.has_room() {
                peer.await_room();
                tokio::select! {
                    () = progress => continue,
                    _ = &mut stopped => break,
                }
            }
            let next = tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = progress => continue,
                next = self.consumer.next() => next,
            };
            match next {
                Ok(delivery) => self.hand_over(&delivery),
                Err(error) if error.kind == ErrorKind::Conflict => {
                    peer.close(Reason::SessionTakenOver, "the session was opened elsewhere");
                    break;
                }
                Err(error) if !self.open_again().await => {
                    tracing::warn!(%error, "the queue of a session broke off");
                    peer.close(
                        Reason::ImplementationSpecificError,
                        "the message bus is not available",
                    );
                    break;
                }
                Err(_) => {}
            }
        }
        self.acknowledge();
        self.consumer
    }

    /// Opens the queue of a group anew: another node may have taken this member for the one before it, and forgotten the queue.
    async fn open_again(&mut self) -> bool {
        if matches!(self.queue, Queue::Channel(_)) {
            return false;
        }
        let key = self.peer.session.borrow().key.clone();
        let opened = self.queue.open(&self.shard.node, &key).await;
        opened.is_ok_and(|consumer| {
            self.consumer = consumer;
            true
        })
    }

    fn acknowledge(&mut self) {
        for seq in self.peer.take_settled(self.id) {
            self.consumer.ack(seq);
        }
    }

    fn hand_over(&mut self, delivery: &messaging::Delivery<Message>) {
        if self.held.remove(&delivery.seq) {
            return;
        }
        if self.is_taken(delivery.seq) || !self.send(delivery) {
            self.consumer.ack(delivery.seq);
        }
    }

    /// Tells whether the client has the message. Below the floor of a group there may be messages of other members.
    fn is_taken(&self, seq: Seq) -> bool {
        let below = matches!(self.queue, Queue::Channel(_)) && seq <= self.taken.floor;
        below || self.taken.beyond.contains(&seq)
    }

    fn is_stale(&self, message: &Message) -> bool {
        let ttl = self.shard.node.config.queue_ttl;
        if message.expires.is_none() && ttl.is_none() {
            return false;
        }
        let now = Timestamp::now();
        message.expires.is_some_and(|expires| expires <= now)
            || ttl.is_some_and(|ttl| now.since(message.created) > ttl)
    }

    /// Sends a message; says whether the client has to acknowledge it first.
    fn send(&self, delivery: &messaging::Delivery<Message>) -> bool {
        let message = &delivery.record;
        if self.is_stale(message) {
            self.shard.counters.dropped_expired.add(1);
            return false;
        }
        let mut frames = Frames::new(message);
        let wanted = {
            let mut session = self.peer.session.borrow_mut();
            let tail = topic::tail(frames.topic());
            match &self.queue {
                Queue::Channel(channel) => {
                    let own = session.take_own(message.id);
                    session.subscriptions.wanted(*channel, tail, own)
                }
                Queue::Group(filter) => session.subscriptions.wanted_of_group(filter, tail),
            }
        };
        let Some(wanted) = wanted else {
            return false;
        };
        let qos = published_qos(message).min(wanted.qos);
        let copy = Delivery {
            message: message.clone(),
            qos,
            retain: message.retain && wanted.retain_as_published,
            relative: wanted.relative,
            subscription_ids: wanted.ids,
            place: Some(Place {
                queue: self.id,
                seq: delivery.seq,
            }),
        };
        if qos == Qos::AtMostOnce {
            self.peer
                .send_unacknowledged(&copy, &mut frames, &self.shard.counters);
            return false;
        }
        self.peer.offer(&copy, &mut frames, &self.shard.counters)
    }
}
