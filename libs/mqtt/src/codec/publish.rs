use std::num::NonZeroU32;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use messaging::{Message, Properties};
use model::Timestamp;

use super::encode::{put_binary, put_text};
use super::properties::id;
use super::varint;
use crate::packet::{PacketId, Qos, Version};

/// Payloads above this many bytes are shared by all copies instead of being copied into each output buffer.
const SHARED_ABOVE: usize = 1024;

/// What every copy of a PUBLISH has in common.
#[derive(Clone, Copy, Debug)]
pub struct PublishContent<'a> {
    /// The topic name.
    pub topic: &'a str,
    /// The payload.
    pub payload: &'a Bytes,
    /// The content type, possibly empty; not sent before MQTT 5.
    pub content_type: &'a str,
    /// For how many seconds it is still worth delivering; not sent before MQTT 5.
    pub expiry: Option<u32>,
    /// The application properties; not sent before MQTT 5.
    pub properties: Option<&'a Properties>,
}

impl<'a> PublishContent<'a> {
    /// Returns the content of a message as of `now`, under the topic it is delivered with.
    pub fn new(topic: &'a str, message: &'a Message, now: Timestamp) -> Self {
        Self {
            topic,
            payload: &message.payload,
            content_type: &message.content_type,
            expiry: message.expires.map(|expires| {
                let left = expires.since(now).as_micros().div_ceil(1_000_000);
                u32::try_from(left).unwrap_or(u32::MAX)
            }),
            properties: message.properties.as_deref(),
        }
    }
}

/// What differs from one copy of a PUBLISH to the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishCopy<'a> {
    /// The quality of service and, when it is 1 or 2, the packet identifier.
    pub delivery: Option<(Qos, PacketId)>,
    /// Whether it may have been sent before.
    pub dup: bool,
    /// Whether it is sent because it was retained, or the subscriber wants to know that it is.
    pub retain: bool,
    /// The identifiers of the subscriptions it matches; MQTT 5 only.
    pub subscription_ids: &'a [NonZeroU32],
    /// How the topic is abbreviated; MQTT 5 only.
    pub alias: Option<Alias>,
}

/// A topic alias on its way to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// Sends the topic and gives it this alias.
    Define(u16),
    /// Sends this alias in place of the topic.
    Use(u16),
}

/// A PUBLISH encoded once, from which each subscriber's copy is made by patching.
#[derive(Clone, Debug)]
pub struct PublishFrame {
    v5: bool,
    /// The whole packet as QoS 0, or as QoS 1 with packet identifier 0, less a shared payload.
    template: Bytes,
    /// The topic and its length.
    topic: Range<usize>,
    /// The common properties without their length.
    properties: Range<usize>,
    /// Where a payload is that is not shared.
    small_payload: usize,
    shared_payload: Bytes,
    has_id: bool,
}

impl PublishFrame {
    /// Encodes a PUBLISH for clients of `version`, for QoS 1 and 2 when `with_packet_id`.
    ///
    /// Returns nothing when it is larger than MQTT can carry. Properties that are longer than MQTT can carry are left out.
    pub fn new(
        version: Version,
        with_packet_id: bool,
        content: &PublishContent<'_>,
    ) -> Option<Self> {
        let topic_length = u16::try_from(content.topic.len()).ok()?;
        let v5 = version == Version::V5;
        let mut properties = Vec::new();
        if v5 {
            put_properties(content, &mut properties);
        }
        let id_size = if with_packet_id { 2 } else { 0 };
        let properties_size = if v5 {
            varint::size(properties.len()) + properties.len()
        } else {
            0
        };
        let remaining = 2 + content.topic.len() + id_size + properties_size + content.payload.len();
        if remaining > varint::MAX {
            return None;
        }
        let shared = content.payload.len() > SHARED_ABOVE;
        let mut template =
            Vec::with_capacity(5 + remaining - if shared { content.payload.len() } else { 0 });
        template.put_u8(if with_packet_id { 0x32 } else { 0x30 });
        varint::write(remaining, &mut template);
        let topic = template.len()..template.len() + 2 + content.topic.len();
        template.put_u16(topic_length);
        template.put_slice(content.topic.as_bytes());
        template.put_bytes(0, id_size);
        if v5 {
            varint::write(properties.len(), &mut template);
        }
        let properties_at = template.len();
        template.put_slice(&properties);
        let small_payload = template.len();
        if !shared {
            template.put_slice(content.payload);
        }
        Some(Self {
            v5,
            template: template.into(),
            topic,
            properties: properties_at..small_payload,
            small_payload,
            shared_payload: if shared {
                content.payload.clone()
            } else {
                Bytes::new()
            },
            has_id: with_packet_id,
        })
    }

    /// Returns the topic it is delivered with.
    pub(crate) fn topic(&self) -> &[u8] {
        &self.template[self.topic.start + 2..self.topic.end]
    }

    /// Returns how many bytes a copy takes, to be compared with the client's maximum packet size.
    pub fn size(&self, copy: &PublishCopy<'_>) -> usize {
        if self.is_plain(copy) {
            return self.template.len() + self.shared_payload.len();
        }
        let remaining = self.remaining(copy, self.extra_size(copy));
        1 + varint::size(remaining) + remaining
    }

    /// Appends a copy; when it returns a payload, that comes next on the wire.
    ///
    /// `copy.delivery` must be present exactly when the frame was made with a packet identifier.
    #[must_use = "a shared payload must follow"]
    pub fn write(&self, copy: &PublishCopy<'_>, out: &mut BytesMut) -> Option<Bytes> {
        debug_assert_eq!(
            self.has_id,
            copy.delivery.is_some(),
            "the frame is of the other class"
        );
        let start = out.len();
        if self.is_plain(copy) {
            out.put_slice(&self.template);
            if let Some((_, id)) = copy.delivery {
                let at = start + self.topic.end;
                out[at..at + 2].copy_from_slice(&id.get().to_be_bytes());
            }
        } else {
            self.compose(copy, out);
        }
        let qos = copy.delivery.map_or(0, |(qos, _)| qos.as_u8());
        out[start] = 0x30 | u8::from(copy.dup) << 3 | qos << 1 | u8::from(copy.retain);
        (!self.shared_payload.is_empty()).then(|| self.shared_payload.clone())
    }

    /// Tells whether the copy differs from the template in flags and packet identifier only.
    fn is_plain(&self, copy: &PublishCopy<'_>) -> bool {
        !self.v5 || (copy.subscription_ids.is_empty() && copy.alias.is_none())
    }

    /// Appends a copy whose topic or properties are its own.
    fn compose(&self, copy: &PublishCopy<'_>, out: &mut BytesMut) {
        let extra = self.extra_size(copy);
        out.put_u8(0x30);
        varint::write(self.remaining(copy, extra), out);
        if let Some(Alias::Use(_)) = copy.alias {
            out.put_u16(0);
        } else {
            out.put_slice(&self.template[self.topic.clone()]);
        }
        if let Some((_, id)) = copy.delivery {
            out.put_u16(id.get());
        }
        varint::write(self.properties.len() + extra, out);
        out.put_slice(&self.template[self.properties.clone()]);
        if let Some(Alias::Define(alias) | Alias::Use(alias)) = copy.alias {
            out.put_u8(id::TOPIC_ALIAS);
            out.put_u16(alias);
        }
        for subscription in copy.subscription_ids {
            out.put_u8(id::SUBSCRIPTION_ID);
            varint::write(subscription.get() as usize, out);
        }
        out.put_slice(&self.template[self.small_payload..]);
    }

    /// Returns how many bytes the copy's own properties take.
    fn extra_size(&self, copy: &PublishCopy<'_>) -> usize {
        let ids = copy.subscription_ids.iter();
        let ids = ids.map(|id| 1 + varint::size(id.get() as usize));
        ids.sum::<usize>() + if copy.alias.is_some() { 3 } else { 0 }
    }

    fn remaining(&self, copy: &PublishCopy<'_>, extra: usize) -> usize {
        let topic = if matches!(copy.alias, Some(Alias::Use(_))) {
            2
        } else {
            self.topic.len()
        };
        let properties = self.properties.len() + extra;
        let payload = self.template.len() - self.small_payload + self.shared_payload.len();
        let id = if self.has_id { 2 } else { 0 };
        topic + id + varint::size(properties) + properties + payload
    }
}

fn put_properties(content: &PublishContent<'_>, out: &mut Vec<u8>) {
    if let Some(seconds) = content.expiry {
        out.put_u8(id::MESSAGE_EXPIRY);
        out.put_u32(seconds);
    }
    if !content.content_type.is_empty() {
        put_text(id::CONTENT_TYPE, content.content_type, out);
    }
    let Some(properties) = content.properties else {
        return;
    };
    if let Some(flag) = properties.payload_is_utf8 {
        out.put_slice(&[id::PAYLOAD_FORMAT, u8::from(flag)]);
    }
    if let Some(topic) = &properties.response_topic {
        put_text(id::RESPONSE_TOPIC, topic, out);
    }
    if let Some(data) = &properties.correlation_data {
        put_binary(id::CORRELATION_DATA, data, out);
    }
    for (name, value) in &properties.user {
        let lengths = (u16::try_from(name.len()), u16::try_from(value.len()));
        if let (Ok(name_length), Ok(value_length)) = lengths {
            out.put_u8(id::USER);
            out.put_u16(name_length);
            out.put_slice(name.as_bytes());
            out.put_u16(value_length);
            out.put_slice(value.as_bytes());
        }
    }
}
