use crate::packet::Reason;

/// Why bytes are no packet: the reason code to close with, and a word for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DecodeError {
    /// What to tell an MQTT 5 client.
    pub reason: Reason,
    /// What is wrong, as a sentence about the packet.
    pub detail: &'static str,
}

impl DecodeError {
    pub(crate) const fn new(reason: Reason, detail: &'static str) -> Self {
        Self { reason, detail }
    }

    /// The bytes cannot be read (MQTT 5.0 section 1.2, Malformed Packet).
    pub(crate) const fn malformed(detail: &'static str) -> Self {
        Self::new(Reason::MalformedPacket, detail)
    }

    /// The bytes can be read, and the protocol forbids what they say.
    pub(crate) const fn protocol(detail: &'static str) -> Self {
        Self::new(Reason::ProtocolError, detail)
    }
}

pub(crate) type Result<T> = std::result::Result<T, DecodeError>;
