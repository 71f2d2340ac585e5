use std::rc::Rc;

use messaging::Message;

use super::ending::End;
use super::serve::Conn;
use crate::packet::{Outgoing, PacketId, Reason, Subscribe, Unsubscribe};
use crate::peer::published_qos;
use crate::reception::Subscribed;
use crate::refusal;
use crate::session::Delivery;

/// What a connection had to wait for.
pub(super) enum Done {
    /// The subscriptions of the session are in force again.
    Resumed(model::Result<()>),
    /// It is known whether a message may be published.
    Decided(Box<Message>, Option<PacketId>, model::Result<()>),
    /// The filters of a SUBSCRIBE are in force, or refused; these retained messages are for them.
    Subscribed(PacketId, Vec<Result<Subscribed, Reason>>, Vec<Delivery>),
    /// The filters of an UNSUBSCRIBE are no longer in force.
    Unsubscribed(PacketId, Vec<Reason>),
}

impl Conn {
    pub(super) fn on_subscribe(&mut self, subscribe: Subscribe) {
        let reception = Rc::clone(&self.reception);
        self.work = Some(Box::pin(async move {
            let results = reception.subscribe(&subscribe).await;
            let retained = reception.retained(&results).await;
            Done::Subscribed(subscribe.packet_id, results, retained)
        }));
    }

    pub(super) fn on_unsubscribe(&mut self, unsubscribe: Unsubscribe) {
        let reception = Rc::clone(&self.reception);
        self.work = Some(Box::pin(async move {
            let reasons = reception.unsubscribe(&unsubscribe.filters).await;
            Done::Unsubscribed(unsubscribe.packet_id, reasons)
        }));
    }

    pub(super) fn on_done(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Resumed(Ok(())) => Ok(()),
            Done::Resumed(Err(error)) => {
                tracing::warn!(%error, "a session could not be resumed");
                Err(End::close(
                    refusal::of_kind(error.kind),
                    "the session cannot be resumed now",
                ))
            }
            Done::Decided(message, packet_id, Ok(())) => {
                self.accept(*message, packet_id);
                Ok(())
            }
            Done::Decided(message, packet_id, Err(error)) => self.refuse_publish(
                published_qos(&message),
                packet_id,
                refusal::of_kind(error.kind),
            ),
            Done::Subscribed(packet_id, results, retained) => {
                self.on_subscribed(packet_id, &results);
                self.reception.send_retained(retained);
                Ok(())
            }
            Done::Unsubscribed(packet_id, reasons) => {
                self.peer.send(&Outgoing::UnsubAck {
                    packet_id,
                    reasons: &reasons,
                });
                Ok(())
            }
        }
    }

    fn on_subscribed(&self, packet_id: PacketId, results: &[Result<Subscribed, Reason>]) {
        let reasons = results.iter().map(|result| match result {
            Ok(subscribed) => subscribed.granted(),
            Err(reason) => *reason,
        });
        let reasons: Vec<Reason> = reasons.collect();
        self.peer.send(&Outgoing::SubAck {
            packet_id,
            reasons: &reasons,
            reason_string: explain(&reasons),
        });
    }
}

/// Says what can be done about the first refusal.
fn explain(reasons: &[Reason]) -> Option<&'static str> {
    let refused = reasons.iter().find(|reason| reason.is_error())?;
    Some(match refused {
        Reason::NotAuthorized => {
            "subscribe below channels/<id>/messages of a connected channel, or give the thing a default channel"
        }
        Reason::TopicFilterInvalid => "the filter is not valid MQTT",
        Reason::SharedSubscriptionsNotSupported => "shared subscriptions are not supported",
        Reason::QuotaExceeded => "the session has as many subscriptions as it may have",
        _ => "the subscription cannot be served now; try again later",
    })
}
