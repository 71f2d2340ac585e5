use std::num::{NonZeroU16, NonZeroU32};

use super::error::{DecodeError, Result};
use super::read::Reader;
use crate::packet::{Reason, UserProperties};

/// The most user properties one packet may have: a pair of two empty texts takes ten times its size in memory.
const MAX_USER_PROPERTIES: usize = 256;

/// Property identifiers (MQTT 5.0 table 2-4).
pub(crate) mod id {
    pub(crate) const PAYLOAD_FORMAT: u8 = 0x01;
    pub(crate) const MESSAGE_EXPIRY: u8 = 0x02;
    pub(crate) const CONTENT_TYPE: u8 = 0x03;
    pub(crate) const RESPONSE_TOPIC: u8 = 0x08;
    pub(crate) const CORRELATION_DATA: u8 = 0x09;
    pub(crate) const SUBSCRIPTION_ID: u8 = 0x0B;
    pub(crate) const SESSION_EXPIRY: u8 = 0x11;
    pub(crate) const ASSIGNED_CLIENT_ID: u8 = 0x12;
    pub(crate) const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub(crate) const AUTH_METHOD: u8 = 0x15;
    pub(crate) const AUTH_DATA: u8 = 0x16;
    pub(crate) const REQUEST_PROBLEM: u8 = 0x17;
    pub(crate) const WILL_DELAY: u8 = 0x18;
    pub(crate) const REQUEST_RESPONSE: u8 = 0x19;
    pub(crate) const REASON_STRING: u8 = 0x1F;
    pub(crate) const RECEIVE_MAXIMUM: u8 = 0x21;
    pub(crate) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub(crate) const TOPIC_ALIAS: u8 = 0x23;
    pub(crate) const MAXIMUM_QOS: u8 = 0x24;
    pub(crate) const RETAIN_AVAILABLE: u8 = 0x25;
    pub(crate) const USER: u8 = 0x26;
    pub(crate) const MAX_PACKET_SIZE: u8 = 0x27;
    pub(crate) const SHARED_AVAILABLE: u8 = 0x2A;
}

/// The properties a packet may have, one bit each; all identifiers are below 64.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed(u64);

impl Allowed {
    pub(crate) const fn of(ids: &[u8]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < ids.len() {
            bits |= 1 << ids[at];
            at += 1;
        }
        Self(bits)
    }

    const fn has(self, id: u8) -> bool {
        id < 64 && self.0 & (1 << id) != 0
    }
}

/// A property a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property<'a> {
    PayloadIsUtf8(bool),
    MessageExpiry(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionId(NonZeroU32),
    SessionExpiry(u32),
    AuthMethod(&'a str),
    AuthData,
    RequestProblem(bool),
    WillDelay(u32),
    RequestResponse(bool),
    ReasonString,
    ReceiveMaximum(NonZeroU16),
    TopicAliasMaximum(u16),
    TopicAlias(NonZeroU16),
    User(&'a str, &'a str),
    MaxPacketSize(NonZeroU32),
}

/// Reads the properties of a packet, gives each to `each`, and returns the user properties among them.
pub(crate) fn read<'a>(
    reader: &mut Reader<'a>,
    allowed: Allowed,
    mut each: impl FnMut(Property<'a>),
) -> Result<UserProperties<'a>> {
    let length = reader.varint()?;
    let bytes = reader.take(length)?;
    let mut inner = Reader::new(bytes);
    let mut seen = Allowed(0);
    let mut user = 0;
    while !inner.is_empty() {
        let id = inner.u8()?;
        if !allowed.has(id) {
            return Err(DecodeError::malformed(
                "a property does not belong to the packet",
            ));
        }
        if id == id::USER {
            user += 1;
            if user > MAX_USER_PROPERTIES {
                return Err(DecodeError::new(
                    Reason::QuotaExceeded,
                    "a packet has more than 256 user properties",
                ));
            }
        } else if seen.has(id) {
            return Err(DecodeError::protocol("a property occurs twice"));
        }
        seen.0 |= 1 << id;
        each(value(id, &mut inner)?);
    }
    Ok(UserProperties(if user > 0 { bytes } else { &[] }))
}

/// Reads the value of a property.
fn value<'a>(id: u8, reader: &mut Reader<'a>) -> Result<Property<'a>> {
    Ok(match id {
        id::PAYLOAD_FORMAT => Property::PayloadIsUtf8(flag(reader)?),
        id::MESSAGE_EXPIRY => Property::MessageExpiry(reader.u32()?),
        id::CONTENT_TYPE => Property::ContentType(reader.text()?),
        id::RESPONSE_TOPIC => Property::ResponseTopic(response_topic(reader)?),
        id::CORRELATION_DATA => Property::CorrelationData(reader.binary()?),
        id::SUBSCRIPTION_ID => Property::SubscriptionId(subscription_id(reader)?),
        id::SESSION_EXPIRY => Property::SessionExpiry(reader.u32()?),
        id::AUTH_METHOD => Property::AuthMethod(reader.text()?),
        id::AUTH_DATA => {
            reader.binary()?;
            Property::AuthData
        }
        id::REQUEST_PROBLEM => Property::RequestProblem(flag(reader)?),
        id::WILL_DELAY => Property::WillDelay(reader.u32()?),
        id::REQUEST_RESPONSE => Property::RequestResponse(flag(reader)?),
        id::REASON_STRING => {
            reader.text()?;
            Property::ReasonString
        }
        id::RECEIVE_MAXIMUM => Property::ReceiveMaximum(
            NonZeroU16::new(reader.u16()?)
                .ok_or(DecodeError::protocol("the receive maximum is 0"))?,
        ),
        id::TOPIC_ALIAS_MAXIMUM => Property::TopicAliasMaximum(reader.u16()?),
        id::TOPIC_ALIAS => Property::TopicAlias(NonZeroU16::new(reader.u16()?).ok_or(
            DecodeError::new(Reason::TopicAliasInvalid, "a topic alias is 0"),
        )?),
        id::USER => Property::User(reader.text()?, reader.text()?),
        id::MAX_PACKET_SIZE => Property::MaxPacketSize(
            NonZeroU32::new(reader.u32()?)
                .ok_or(DecodeError::protocol("the maximum packet size is 0"))?,
        ),
        _ => return Err(DecodeError::malformed("a property is unknown")),
    })
}

fn flag(reader: &mut Reader<'_>) -> Result<bool> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::protocol("a flag is neither 0 nor 1")),
    }
}

fn subscription_id(reader: &mut Reader<'_>) -> Result<NonZeroU32> {
    u32::try_from(reader.varint()?)
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or(DecodeError::protocol("a subscription identifier is 0"))
}

fn response_topic<'a>(reader: &mut Reader<'a>) -> Result<&'a str> {
    let topic = reader.text()?;
    if topic.contains(['+', '#']) {
        return Err(DecodeError::protocol(
            "a response topic contains a wildcard",
        ));
    }
    Ok(topic)
}

impl<'a> UserProperties<'a> {
    /// Returns the pairs in order, repetitions included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut reader = Reader::new(self.0);
        std::iter::from_fn(move || {
            while !reader.is_empty() {
                // The bytes were read once already, so neither call fails.
                let id = reader.u8().ok()?;
                if let Property::User(name, text) = value(id, &mut reader).ok()? {
                    return Some((name, text));
                }
            }
            None
        })
    }
}
