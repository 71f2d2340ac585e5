use super::{Ack, PacketId, Qos, Reason};

/// A packet the server sends; PUBLISH is a [`crate::PublishFrame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing<'a> {
    /// CONNACK.
    ConnAck(&'a ConnAck),
    /// PUBACK.
    PubAck(Ack),
    /// PUBREC.
    PubRec(Ack),
    /// PUBREL.
    PubRel(Ack),
    /// PUBCOMP.
    PubComp(Ack),
    /// SUBACK.
    SubAck {
        /// The SUBSCRIBE it answers.
        packet_id: PacketId,
        /// One for each filter.
        reasons: &'a [Reason],
        /// For people, when something was refused.
        reason_string: Option<&'a str>,
    },
    /// UNSUBACK.
    UnsubAck {
        /// The UNSUBSCRIBE it answers.
        packet_id: PacketId,
        /// One for each filter; not sent before MQTT 5.
        reasons: &'a [Reason],
    },
    /// PINGRESP.
    PingResp,
    /// DISCONNECT; nothing before MQTT 5.
    Disconnect {
        /// Why the server closes.
        reason: Reason,
        /// For people.
        reason_string: Option<&'a str>,
    },
}

/// A CONNACK; what is absent has the default of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether there is state from before.
    pub session_present: bool,
    /// Accepted, or why not.
    pub reason: Reason,
    /// The session expiry, when it is not what the client asked for.
    pub session_expiry: Option<u32>,
    /// How many QoS 1 and 2 messages the server takes before it acknowledges one.
    pub receive_maximum: Option<u16>,
    /// The highest QoS the server takes, when it is not 2.
    pub maximum_qos: Option<Qos>,
    /// The largest packet the server takes.
    pub max_packet_size: Option<u32>,
    /// The client id, when the client sent none.
    pub assigned_client_id: Option<String>,
    /// How many topic aliases the server takes.
    pub topic_alias_maximum: Option<u16>,
    /// Whether retained messages are kept.
    pub retain_available: bool,
    /// Whether shared subscriptions are served.
    pub shared_subscriptions_available: bool,
    /// The keep-alive in seconds the client must use instead of its own.
    pub server_keep_alive: Option<u16>,
    /// For people, when the client is refused.
    pub reason_string: Option<String>,
}

impl ConnAck {
    /// Makes an answer with all else at its default.
    pub const fn new(reason: Reason) -> Self {
        Self {
            session_present: false,
            reason,
            session_expiry: None,
            receive_maximum: None,
            maximum_qos: None,
            max_packet_size: None,
            assigned_client_id: None,
            topic_alias_maximum: None,
            retain_available: true,
            shared_subscriptions_available: true,
            server_keep_alive: None,
            reason_string: None,
        }
    }
}
