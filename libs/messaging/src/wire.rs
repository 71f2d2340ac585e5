//! Messages as the protobuf `mainflux.RawMessage` of 0.9 with our fields at higher numbers.

use bytes::Bytes;
use model::{MessageId, Subtopic, Timestamp};
use prost::Message as _;
use proto::wire::mainflux as wire;
use uuid::Uuid;

use crate::filter::Filter;
use crate::record::{DecodeError, Kept, Record};
use crate::{Message, Properties, Protocol};

/// How an encoded message begins: field 1, the channel, with the 36 bytes of a UUID.
const CHANNEL: [u8; 2] = [0x0a, 36];

impl Record for Message {
    const STREAM: &'static str = "MESSAGES";
    const SUBJECTS: &'static str = "channel.>";

    type Filter = Filter;
    type Key = model::ChannelId;

    fn key(&self) -> Self::Key {
        self.channel
    }

    fn subject(&self) -> String {
        if self.subtopic.is_empty() {
            format!("channel.{}", self.channel)
        } else {
            format!("channel.{}.{}", self.channel, self.subtopic)
        }
    }

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>()
            + self.subtopic.as_str().len()
            + self.content_type.len()
            + self.payload.len()
            + text(&self.trace)
            + text(&self.topic)
            + self
                .properties
                .as_ref()
                .map_or(0, |properties| properties.size())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        to_wire(self)
            .encode(out)
            .expect("a vector grows, so encoding into it cannot run out of room");
    }

    fn peek_key(encoded: &[u8]) -> Option<Self::Key> {
        let text = encoded
            .strip_prefix(&CHANNEL)?
            .get(..usize::from(CHANNEL[1]))?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_at(bytes, Timestamp::now())
    }

    fn decode_kept(bytes: &[u8], kept: Kept) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, || (kept_id(kept), kept.at))
    }
}

impl Message {
    /// Reads an encoded message; one of a 0.9 service gets a fresh id, QoS 1 and `now` as its time.
    ///
    /// # Errors
    /// When the bytes are no such message, or one that no adapter would have accepted.
    pub fn decode_at(bytes: &[u8], now: Timestamp) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, || (MessageId::random(), now))
    }

    /// Reads an encoded message; one of a 0.9 service has neither an id nor a time.
    fn decode_with(
        bytes: &[u8],
        unsaid: impl FnOnce() -> (MessageId, Timestamp),
    ) -> Result<Self, DecodeError> {
        let raw =
            wire::RawMessage::decode(bytes).map_err(|error| DecodeError(error.to_string()))?;
        let legacy = raw.id.is_empty();
        let (id, created) = if legacy {
            unsaid()
        } else {
            let created = Timestamp::from_micros(raw.created);
            (uuid(&raw.id, "id")?.into(), created)
        };
        Ok(Self {
            id,
            channel: parse(&raw.channel, "channel")?,
            subtopic: subtopic(&raw.subtopic)?,
            publisher: parse(&raw.publisher, "publisher")?,
            protocol: Protocol::from(raw.protocol.as_str()),
            content_type: raw.content_type,
            created,
            payload: raw.payload,
            trace: non_empty(raw.trace),
            topic: non_empty(raw.topic),
            qos: if legacy { 1 } else { qos(raw.qos)? },
            retain: raw.retain,
            expires: (raw.expires != 0).then(|| Timestamp::from_micros(raw.expires)),
            properties: raw.properties.map(|properties| Box::new(properties.into())),
            origin: match raw.origin.as_slice() {
                [] => None,
                bytes => Some(uuid(bytes, "origin")?),
            },
        })
    }
}

/// Makes an id out of the place in the stream: whoever reads the message again finds the same.
fn kept_id(kept: Kept) -> MessageId {
    let millis = (kept.at.micros() / 1000).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[8..].copy_from_slice(&kept.seq.to_be_bytes());
    // It sorts among the other ids by its time, and says by its version that it is made otherwise.
    uuid::Builder::from_custom_bytes(bytes).into_uuid().into()
}

fn to_wire(message: &Message) -> wire::RawMessage {
    wire::RawMessage {
        channel: message.channel.to_string(),
        subtopic: message.subtopic.as_str().to_owned(),
        publisher: message.publisher.to_string(),
        protocol: message.protocol.as_str().to_owned(),
        content_type: message.content_type.clone(),
        payload: message.payload.clone(),
        id: message.id.uuid().as_bytes().to_vec(),
        created: message.created.micros(),
        topic: message.topic.clone().unwrap_or_default(),
        qos: message.qos.into(),
        retain: message.retain,
        expires: message.expires.map_or(0, Timestamp::micros),
        origin: message
            .origin
            .map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
        trace: message.trace.clone().unwrap_or_default(),
        properties: message.properties.as_deref().map(wire::Properties::from),
    }
}

fn uuid(bytes: &[u8], field: &str) -> Result<Uuid, DecodeError> {
    Uuid::from_slice(bytes).map_err(|_| DecodeError(format!("{field} is not 16 bytes")))
}

fn parse<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, DecodeError> {
    text.parse()
        .map_err(|_| DecodeError(format!("{field} is not a UUID")))
}

/// Accepts what an adapter would let through: normal form, no wildcard.
fn subtopic(text: &str) -> Result<Subtopic, DecodeError> {
    match Subtopic::from_levels(text) {
        Ok(subtopic) if subtopic.is_wildcard() => {
            Err(DecodeError("subtopic has a wildcard".to_owned()))
        }
        Ok(subtopic) => Ok(subtopic),
        Err(error) => Err(DecodeError(error.to_string())),
    }
}

fn qos(number: u32) -> Result<u8, DecodeError> {
    u8::try_from(number)
        .ok()
        .filter(|qos| *qos <= 2)
        .ok_or_else(|| DecodeError(format!("there is no QoS {number}")))
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl Properties {
    fn size(&self) -> usize {
        size_of::<Self>()
            + self.response_topic.as_ref().map_or(0, String::len)
            + self.correlation_data.as_ref().map_or(0, Bytes::len)
            + self
                .user
                .iter()
                .map(|(name, value)| size_of::<(String, String)>() + name.len() + value.len())
                .sum::<usize>()
    }
}

impl From<&Properties> for wire::Properties {
    fn from(properties: &Properties) -> Self {
        Self {
            payload_is_utf8: properties.payload_is_utf8,
            response_topic: properties.response_topic.clone(),
            correlation_data: properties
                .correlation_data
                .as_ref()
                .map(|data| data.to_vec()),
            user: properties
                .user
                .iter()
                .cloned()
                .map(|(name, value)| wire::UserProperty { name, value })
                .collect(),
        }
    }
}

impl From<wire::Properties> for Properties {
    fn from(properties: wire::Properties) -> Self {
        Self {
            payload_is_utf8: properties.payload_is_utf8,
            response_topic: properties.response_topic,
            correlation_data: properties.correlation_data.map(Bytes::from),
            user: properties
                .user
                .into_iter()
                .map(|property| (property.name, property.value))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
