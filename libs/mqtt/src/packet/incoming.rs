use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use messaging::Properties;

use super::{Ack, PacketId, Qos, Reason, SubscribeOptions, Version};

/// A packet a client may send; the frequent ones borrow from the read buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// CONNECT.
    Connect(Box<Connect>),
    /// PUBLISH.
    Publish(Publish<'a>),
    /// PUBACK.
    PubAck(Ack),
    /// PUBREC.
    PubRec(Ack),
    /// PUBREL.
    PubRel(Ack),
    /// PUBCOMP.
    PubComp(Ack),
    /// SUBSCRIBE.
    Subscribe(Subscribe),
    /// UNSUBSCRIBE.
    Unsubscribe(Unsubscribe),
    /// PINGREQ.
    PingReq,
    /// DISCONNECT.
    Disconnect(Disconnect),
    /// AUTH, MQTT 5 only.
    Auth(Auth),
}

/// A CONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The version the client speaks from now on.
    pub version: Version,
    /// Whether the client wants no state from before (clean session before MQTT 5).
    pub clean_start: bool,
    /// The longest silence in seconds, 0 for no limit.
    pub keep_alive: u16,
    /// The client's name for itself, possibly empty.
    pub client_id: String,
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Bytes>,
    /// What to publish when the client goes without a word.
    pub will: Option<Will>,
    /// How many seconds the session outlives the connection; `u32::MAX` is for ever. Before MQTT 5: 0 when the session
    /// is clean, for ever when not.
    pub session_expiry: u32,
    /// How many QoS 1 and 2 messages may be in flight towards the client.
    pub receive_maximum: NonZeroU16,
    /// The largest packet the client takes.
    pub max_packet_size: u32,
    /// How many topic aliases the client takes.
    pub topic_alias_maximum: u16,
    /// Whether the client asks for response information.
    pub request_response_information: bool,
    /// Whether reason strings may be sent with every packet.
    pub request_problem_information: bool,
    /// The name of an enhanced authentication method.
    pub auth_method: Option<String>,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("will", &self.will)
            .field("session_expiry", &self.session_expiry)
            .finish_non_exhaustive()
    }
}

/// The will of a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// The topic name.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// The QoS to publish with.
    pub qos: Qos,
    /// Whether to publish it retained.
    pub retain: bool,
    /// How many seconds to wait before publishing.
    pub delay: u32,
    /// For how many seconds it is worth delivering.
    pub message_expiry: Option<u32>,
    /// The content type named, possibly empty.
    pub content_type: String,
    /// The application properties, when there are any.
    pub properties: Option<Box<Properties>>,
}

/// A PUBLISH, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether it may have been sent before.
    pub dup: bool,
    /// The quality of service.
    pub qos: Qos,
    /// Whether to keep it as the last one of its topic.
    pub retain: bool,
    /// The topic name; empty when only the alias says it.
    pub topic: &'a str,
    /// The packet identifier, present when the QoS is 1 or 2.
    pub packet_id: Option<PacketId>,
    /// The MQTT 5 properties.
    pub properties: PublishProperties<'a>,
    /// The payload.
    pub payload: &'a [u8],
}

/// The properties of a PUBLISH, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublishProperties<'a> {
    /// Whether the payload is said to be UTF-8 text.
    pub payload_is_utf8: Option<bool>,
    /// For how many seconds the message is worth delivering.
    pub message_expiry: Option<u32>,
    /// The topic alias.
    pub topic_alias: Option<NonZeroU16>,
    /// Where a response is expected.
    pub response_topic: Option<&'a str>,
    /// What the requester recognises the response by.
    pub correlation_data: Option<&'a [u8]>,
    /// The content type.
    pub content_type: Option<&'a str>,
    /// The user properties.
    pub user: UserProperties<'a>,
}

impl PublishProperties<'_> {
    /// Copies what travels end to end; nothing when there is none of it.
    pub fn to_message(&self) -> Option<Box<Properties>> {
        let properties = Properties {
            payload_is_utf8: self.payload_is_utf8,
            response_topic: self.response_topic.map(str::to_owned),
            correlation_data: self.correlation_data.map(Bytes::copy_from_slice),
            user: self
                .user
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        (properties != Properties::default()).then(|| Box::new(properties))
    }
}

/// The user properties of a packet, read again from its checked property bytes on demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserProperties<'a>(pub(crate) &'a [u8]);

/// A SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The packet identifier.
    pub packet_id: PacketId,
    /// The identifier to send along with each delivery.
    pub id: Option<NonZeroU32>,
    /// The filters and what is asked for with each, never empty; the texts are not checked.
    pub filters: Vec<(String, SubscribeOptions)>,
}

/// An UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The packet identifier.
    pub packet_id: PacketId,
    /// The filters, never empty; the texts are not checked.
    pub filters: Vec<String>,
}

/// A DISCONNECT of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Why; [`Reason::DisconnectWithWill`] and every error publish the will.
    pub reason: Reason,
    /// Replaces the session expiry of the CONNECT.
    pub session_expiry: Option<u32>,
}

/// An AUTH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// What the client wants.
    pub reason: Reason,
    /// The authentication method.
    pub method: Option<String>,
}
