use std::num::NonZeroU16;
use std::sync::Arc;

use futures_util::future::ready;
use messaging::Message;
use model::{Action, ChannelId};
use tokio::sync::oneshot;

use super::ending::End;
use super::serve::Conn;
use super::subscribe::Done;
use crate::node::Node;
use crate::packet::{Ack, Outgoing, PacketId, Publish, Qos, Reason};
use crate::refusal;
use crate::session::Arrival;
use crate::topic::{self, TopicName};

/// A PUBLISH that the bus has answered.
pub(super) struct Published {
    qos: Qos,
    packet_id: Option<PacketId>,
    /// The message that is in the bus, or why there is none.
    outcome: Result<Arc<Message>, Reason>,
}

/// The topic aliases a client has set.
pub(super) struct Aliases {
    topics: Vec<Box<str>>,
    maximum: u16,
    /// What relative topics are below.
    default_channel: Option<ChannelId>,
}

impl Aliases {
    pub(super) fn new(maximum: u16, default_channel: Option<ChannelId>) -> Self {
        Self {
            topics: Vec::new(),
            maximum,
            default_channel,
        }
    }

    /// Returns the topic of a PUBLISH, which may set an alias or use one.
    fn resolve<'a>(
        &'a mut self,
        topic: &'a str,
        alias: Option<NonZeroU16>,
    ) -> Result<&'a str, End> {
        let Some(alias) = alias else {
            return Ok(topic);
        };
        let invalid = || End::close(Reason::TopicAliasInvalid, "the topic alias is out of range");
        if alias.get() > self.maximum {
            return Err(invalid());
        }
        let at = usize::from(alias.get()) - 1;
        if !topic.is_empty() {
            if self.topics.len() <= at {
                self.topics.resize_with(at + 1, Box::default);
            }
            // What leads nowhere is not worth its memory, which may be 64 KiB.
            let absolute = topic::absolute(topic, self.default_channel);
            let leads_somewhere = TopicName::parse(&absolute).is_ok();
            self.topics[at] = if leads_somewhere {
                topic.into()
            } else {
                Box::default()
            };
            return Ok(topic);
        }
        match self.topics.get(at) {
            Some(known) if !known.is_empty() => Ok(known),
            _ => Err(End::close(
                Reason::ProtocolError,
                "the topic alias is not set",
            )),
        }
    }
}

impl Conn {
    pub(super) fn on_publish(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        let (qos, packet_id) = (publish.qos, publish.packet_id);
        let mut message = {
            let topic = self
                .aliases
                .resolve(publish.topic, publish.properties.topic_alias)?;
            let publisher = (self.thing, self.peer.default_channel);
            self.topics.message(publisher, &self.shard, topic, publish)
        };
        if let (Qos::ExactlyOnce, Some(id)) = (qos, packet_id) {
            let arrival = self.peer.session.borrow_mut().inbound.arrive(id);
            match arrival {
                Arrival::New => {}
                Arrival::Unsure(known) => {
                    if let Ok(message) = &mut message {
                        message.id = known;
                    }
                }
                Arrival::Pending => return Ok(()),
                Arrival::Repeated => {
                    self.peer.send(&Outgoing::PubRec(success(id)));
                    return Ok(());
                }
            }
        }
        self.check_receive_maximum(qos)?;
        let message = match message {
            Ok(message) => message,
            Err(reason) => return self.refuse_publish(qos, packet_id, reason),
        };
        if self.is_too_much(&message) {
            let reason = match qos {
                Qos::AtMostOnce => Reason::MessageRateTooHigh,
                Qos::AtLeastOnce | Qos::ExactlyOnce => Reason::QuotaExceeded,
            };
            return self.refuse_publish(qos, packet_id, reason);
        }
        let node = &self.shard.node;
        if node
            .access
            .cached(self.thing, message.channel, Action::Publish)
        {
            self.accept(message, packet_id);
        } else {
            let (access, thing) = (node.access.clone(), self.thing);
            self.work = Some(Box::pin(async move {
                let decision = access.decide(thing, message.channel, Action::Publish).await;
                Done::Decided(Box::new(message), packet_id, decision)
            }));
        }
        Ok(())
    }

    /// Counts a message, and tells whether the thing publishes more than it may.
    fn is_too_much(&self, message: &Message) -> bool {
        let Some(rates) = &self.rates else {
            return false;
        };
        let counters = &self.shard.counters;
        let bytes = message.payload.len() + message.topic.as_ref().map_or(0, String::len);
        if !rates.messages.admits(1) {
            counters.over_messages.add(1);
            return true;
        }
        if !rates.bytes.admits(bytes) {
            counters.over_bytes.add(1);
            return true;
        }
        false
    }

    fn check_receive_maximum(&self, qos: Qos) -> Result<(), End> {
        let acknowledged = qos != Qos::AtMostOnce;
        let unreleased = self.peer.session.borrow().inbound.len();
        // QoS 2 is in both until the bus has answered; a client that is a little over is let pass.
        let open = unreleased.max(self.publishes.len());
        if acknowledged && open > usize::from(self.shard.node.config.receive_maximum) {
            return Err(End::close(
                Reason::ReceiveMaximumExceeded,
                "more messages are unacknowledged than the server takes",
            ));
        }
        Ok(())
    }

    /// Takes a message that is authorized: it goes to the bus, and to subscribers as soon as its promise is kept.
    pub(super) fn accept(&mut self, message: Message, packet_id: Option<PacketId>) {
        let message = Arc::new(message);
        let qos = crate::peer::published_qos(&message);
        self.shard.counters.received(qos);
        self.peer.session.borrow_mut().note_own(message.id);
        let at_once = qos == Qos::AtMostOnce && !message.retain && self.ordered == 0;
        if at_once {
            self.hand_out(&message);
            self.shard.node.bus.send(message);
            return;
        }
        self.ordered += usize::from(qos == Qos::AtMostOnce);
        let node = self.shard.node.clone();
        let recorded = self.record(&message, packet_id);
        self.publishes.push_back(Box::pin(async move {
            let is_recorded = match recorded {
                Some(recorded) => recorded.await.is_ok(),
                None => true,
            };
            let outcome = if is_recorded {
                commit(&node, &message).await
            } else {
                Err(Reason::ImplementationSpecificError)
            };
            Published {
                qos,
                packet_id,
                outcome: outcome.map(|()| message),
            }
        }));
    }

    /// Puts on record as which message a QoS 2 PUBLISH is published, so that it is published once whatever happens.
    fn record(
        &self,
        message: &Message,
        packet_id: Option<PacketId>,
    ) -> Option<oneshot::Receiver<()>> {
        let journal = self.journal.as_ref()?;
        let id = packet_id.filter(|_| message.qos == Qos::ExactlyOnce.as_u8())?;
        let mut session = self.peer.session.borrow_mut();
        session.inbound.name(id, message.id);
        drop(session);
        Some(journal.stored())
    }

    /// Hands a message to its subscribers, and notes when they have to catch up.
    fn hand_out(&mut self, message: &Arc<Message>) {
        self.handed_out = true;
        self.shard.publish(message, Some(self.peer.id));
        if self.shard.node.pressure.holds(message.channel) {
            self.held = Some(message.channel);
        }
    }

    /// Refuses a PUBLISH: with a reason where the protocol has a place for one, by closing where it has not.
    pub(super) fn refuse_publish(
        &mut self,
        qos: Qos,
        packet_id: Option<PacketId>,
        reason: Reason,
    ) -> Result<(), End> {
        self.shard.counters.denied.add(1);
        if !self.is_v5() || packet_id.is_none() {
            return Err(End::close(reason, "the message was refused"));
        }
        self.publishes.push_back(Box::pin(ready(Published {
            qos,
            packet_id,
            outcome: Err(reason),
        })));
        Ok(())
    }

    /// Hands a message out and acknowledges it, now that the bus has it.
    pub(super) fn on_published(&mut self, published: Published) -> Result<(), End> {
        let Published {
            qos,
            packet_id,
            outcome,
        } = published;
        self.ordered -= usize::from(qos == Qos::AtMostOnce);
        if let Ok(message) = &outcome {
            self.hand_out(message);
        }
        let Some(id) = packet_id else {
            return Ok(());
        };
        let reason = outcome.err().unwrap_or(Reason::Success);
        if reason.is_error() && !self.is_v5() {
            return Err(End::close(reason, "the message was not accepted"));
        }
        let ack = Ack {
            packet_id: id,
            reason,
        };
        if qos == Qos::ExactlyOnce {
            let inbound = &mut self.peer.session.borrow_mut().inbound;
            if reason.is_error() {
                inbound.refuse(id);
            } else {
                inbound.accept(id);
            }
            self.noted();
        }
        self.peer.send(&match qos {
            Qos::ExactlyOnce => Outgoing::PubRec(ack),
            Qos::AtMostOnce | Qos::AtLeastOnce => Outgoing::PubAck(ack),
        });
        Ok(())
    }
}

/// Makes a message as durable as its QoS promises.
pub(crate) async fn commit(node: &Node, message: &Arc<Message>) -> Result<(), Reason> {
    if message.retain {
        let kept = node.retention.keep(message).await;
        kept.map_err(|error| refusal::of_kind(error.kind))?;
    }
    if message.qos == Qos::AtMostOnce.as_u8() {
        node.bus.send(message.clone());
        return Ok(());
    }
    match node.bus.publish(message.clone()).await {
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, "the bus did not take a message");
            Err(refusal::of_kind(error.kind))
        }
    }
}

fn success(packet_id: PacketId) -> Ack {
    Ack {
        packet_id,
        reason: Reason::Success,
    }
}
