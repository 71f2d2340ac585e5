//! MQTT control packets as the engine sees them, whatever the protocol version.

mod incoming;
mod outgoing;
mod reason;

use std::num::NonZeroU16;

pub use incoming::{
    Auth, Connect, Disconnect, Incoming, Publish, PublishProperties, Subscribe, Unsubscribe,
    UserProperties, Will,
};
pub use outgoing::{ConnAck, Outgoing};
pub use reason::Reason;

/// A packet identifier, never 0.
pub type PacketId = NonZeroU16;

/// The protocol version a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1, protocol name `MQIsdp`.
    V31,
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

/// A quality of service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Qos {
    /// QoS 0.
    #[default]
    AtMostOnce = 0,
    /// QoS 1.
    AtLeastOnce = 1,
    /// QoS 2.
    ExactlyOnce = 2,
}

impl Qos {
    /// Returns the number on the wire.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Reads the number on the wire.
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// The first two octets after the fixed header of PUBACK, PUBREC, PUBREL and PUBCOMP, and their reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The PUBLISH it answers.
    pub packet_id: PacketId,
    /// How it went; always [`Reason::Success`] before MQTT 5.
    pub reason: Reason,
}

/// What a client asks for with one filter of a SUBSCRIBE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// The highest QoS to deliver with.
    pub qos: Qos,
    /// Whether the client's own messages are left out.
    pub no_local: bool,
    /// Whether the retain flag is passed on as published.
    pub retain_as_published: bool,
    /// When retained messages are sent.
    pub retain_handling: RetainHandling,
}

/// When a SUBSCRIBE asks for retained messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetainHandling {
    /// At every SUBSCRIBE.
    #[default]
    Send,
    /// When the subscription is new.
    SendIfNew,
    /// Never.
    DoNotSend,
}
