use std::collections::HashSet;
use std::pin::pin;
use std::rc::Rc;

use messaging::{Consumer, Filter, Message, Seq};
use model::{ChannelId, ErrorKind, Result, Timestamp};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::frames::Frames;
use crate::packet::{Qos, Reason};
use crate::peer::{Peer, published_qos};
use crate::session::{Delivery, Place};
use crate::shard::Shard;
use crate::topic;

/// Takes messages from the durable queue of a persistent session for one channel while its client is connected, no
/// faster than the client acknowledges them.
pub(crate) struct Feed {
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Feed {
    /// Opens the queue, which is made when there is none: then it starts with the next message.
    pub(crate) async fn start(
        shard: &Rc<Shard>,
        peer: &Rc<Peer>,
        channel: ChannelId,
    ) -> Result<Self> {
        let name = peer.session.borrow().key.consumer(channel);
        let consumer = shard
            .node
            .bus
            .consumer(&name, Filter::Channel(channel))
            .await?;
        let held = peer.session.borrow().outbound.places(channel);
        let (stop, stopped) = oneshot::channel();
        let feeding = Feeding {
            shard: shard.clone(),
            peer: peer.clone(),
            channel,
            held: held.into_iter().collect(),
            consumer,
        };
        Ok(Self {
            stop,
            done: shard.tasks.spawn_local(feeding.run(stopped)),
        })
    }

    /// Stops, keeping the place in the queue.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        // A feed that failed has closed the connection itself.
        let _ = self.done.await;
    }
}

struct Feeding {
    shard: Rc<Shard>,
    peer: Rc<Peer>,
    channel: ChannelId,
    /// What was on its way to the client before the queue was opened again; it comes once more from there.
    held: HashSet<Seq>,
    consumer: Box<dyn Consumer<Message>>,
}

impl Feeding {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
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
                Err(error) => {
                    tracing::warn!(%error, "the queue of a session broke off");
                    peer.close(
                        Reason::ImplementationSpecificError,
                        "the message bus is not available",
                    );
                    break;
                }
            }
        }
        self.acknowledge();
    }

    fn acknowledge(&mut self) {
        for seq in self.peer.take_settled(self.channel) {
            self.consumer.ack(seq);
        }
    }

    fn hand_over(&mut self, delivery: &messaging::Delivery<Message>) {
        if self.held.remove(&delivery.seq) {
            return;
        }
        if !self.send(delivery) {
            self.consumer.ack(delivery.seq);
        }
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
            let own = session.take_own(message.id);
            let tail = topic::tail(frames.topic());
            session.subscriptions.wanted(self.channel, tail, own)
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
                channel: self.channel,
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
