use super::connect::connect;
use super::error::{DecodeError, Result};
use super::frame::split;
use super::properties::{self, Allowed, Property, id};
use super::read::Reader;
use crate::packet::{
    Ack, Auth, Disconnect, Incoming, Publish, PublishProperties, Qos, Reason, RetainHandling,
    Subscribe, SubscribeOptions, Unsubscribe, Version,
};

/// The most filters of one SUBSCRIBE or UNSUBSCRIBE: a filter takes many times its size in memory.
const MAX_FILTERS: usize = 1024;

/// Reads one whole frame sent by a client that speaks `version`.
///
/// # Errors
/// When it is no packet of that version, or one that only servers send.
pub fn decode(version: Version, frame: &[u8]) -> Result<Incoming<'_>> {
    let (first, body) = split(frame)?;
    let mut reader = Reader::new(body);
    let flags = first & 0x0f;
    let (kind, expected) = (
        first >> 4,
        if matches!(first >> 4, 6 | 8 | 10) {
            2
        } else {
            0
        },
    );
    if kind == 3 {
        return publish(version, flags, reader).map(Incoming::Publish);
    }
    if flags != expected {
        return Err(DecodeError::malformed("a packet has reserved flags set"));
    }
    let packet = match kind {
        1 => Incoming::Connect(Box::new(connect(&mut reader)?)),
        4 => Incoming::PubAck(ack(version, &mut reader, &RECEIVED)?),
        5 => Incoming::PubRec(ack(version, &mut reader, &RECEIVED)?),
        6 => Incoming::PubRel(ack(version, &mut reader, &RELEASED)?),
        7 => Incoming::PubComp(ack(version, &mut reader, &RELEASED)?),
        8 => Incoming::Subscribe(subscribe(version, &mut reader)?),
        10 => Incoming::Unsubscribe(unsubscribe(version, &mut reader)?),
        12 => Incoming::PingReq,
        14 => Incoming::Disconnect(disconnect(version, &mut reader)?),
        15 if version == Version::V5 => Incoming::Auth(auth(&mut reader)?),
        _ => return Err(DecodeError::protocol("clients do not send this packet")),
    };
    reader.finish()?;
    Ok(packet)
}

fn publish(version: Version, flags: u8, mut reader: Reader<'_>) -> Result<Publish<'_>> {
    let (dup, retain) = (flags & 0b1000 != 0, flags & 0b0001 != 0);
    let qos =
        Qos::from_u8(flags >> 1 & 0b11).ok_or(DecodeError::malformed("a PUBLISH has QoS 3"))?;
    if dup && qos == Qos::AtMostOnce {
        return Err(DecodeError::malformed(
            "a PUBLISH of QoS 0 is marked as a duplicate",
        ));
    }
    let topic = reader.text()?;
    if memchr::memchr2(b'+', b'#', topic.as_bytes()).is_some() {
        return Err(DecodeError::new(
            Reason::TopicNameInvalid,
            "a topic name contains a wildcard",
        ));
    }
    let packet_id = match qos {
        Qos::AtMostOnce => None,
        Qos::AtLeastOnce | Qos::ExactlyOnce => Some(reader.packet_id()?),
    };
    let properties = match version {
        Version::V5 => publish_properties(&mut reader)?,
        Version::V31 | Version::V311 => PublishProperties::default(),
    };
    if topic.is_empty() && properties.topic_alias.is_none() {
        return Err(DecodeError::protocol("a PUBLISH has no topic"));
    }
    Ok(Publish {
        dup,
        qos,
        retain,
        topic,
        packet_id,
        properties,
        payload: reader.rest(),
    })
}

const PUBLISH: Allowed = Allowed::of(&[
    id::PAYLOAD_FORMAT,
    id::MESSAGE_EXPIRY,
    id::TOPIC_ALIAS,
    id::RESPONSE_TOPIC,
    id::CORRELATION_DATA,
    id::USER,
    id::CONTENT_TYPE,
]);

fn publish_properties<'a>(reader: &mut Reader<'a>) -> Result<PublishProperties<'a>> {
    let mut found = PublishProperties::default();
    found.user = properties::read(reader, PUBLISH, |property| match property {
        Property::PayloadIsUtf8(flag) => found.payload_is_utf8 = Some(flag),
        Property::MessageExpiry(seconds) => found.message_expiry = Some(seconds),
        Property::TopicAlias(alias) => found.topic_alias = Some(alias),
        Property::ResponseTopic(topic) => found.response_topic = Some(topic),
        Property::CorrelationData(data) => found.correlation_data = Some(data),
        Property::ContentType(name) => found.content_type = Some(name),
        _ => {}
    })?;
    Ok(found)
}

/// What PUBACK and PUBREC may say (MQTT 5.0 table 3-4 and 3-5).
const RECEIVED: [Reason; 9] = [
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::UnspecifiedError,
    Reason::ImplementationSpecificError,
    Reason::NotAuthorized,
    Reason::TopicNameInvalid,
    Reason::PacketIdInUse,
    Reason::QuotaExceeded,
    Reason::PayloadFormatInvalid,
];
/// What PUBREL and PUBCOMP may say (MQTT 5.0 table 3-6 and 3-7).
const RELEASED: [Reason; 2] = [Reason::Success, Reason::PacketIdNotFound];
const DIAGNOSTIC: Allowed = Allowed::of(&[id::REASON_STRING, id::USER]);

fn ack(version: Version, reader: &mut Reader<'_>, reasons: &[Reason]) -> Result<Ack> {
    let packet_id = reader.packet_id()?;
    let mut reason = Reason::Success;
    if version == Version::V5 && !reader.is_empty() {
        reason = read_reason(reader, reasons)?;
        if !reader.is_empty() {
            properties::read(reader, DIAGNOSTIC, |_| {})?;
        }
    }
    Ok(Ack { packet_id, reason })
}

fn read_reason(reader: &mut Reader<'_>, among: &[Reason]) -> Result<Reason> {
    Reason::from_u8(reader.u8()?)
        .filter(|reason| among.contains(reason))
        .ok_or(DecodeError::protocol(
            "a reason code does not belong to the packet",
        ))
}

const SUBSCRIBE: Allowed = Allowed::of(&[id::SUBSCRIPTION_ID, id::USER]);

fn subscribe(version: Version, reader: &mut Reader<'_>) -> Result<Subscribe> {
    let packet_id = reader.packet_id()?;
    let mut id = None;
    if version == Version::V5 {
        properties::read(reader, SUBSCRIBE, |property| {
            if let Property::SubscriptionId(found) = property {
                id = Some(found);
            }
        })?;
    }
    let filters = filters(reader, |reader, filter| {
        let options = options(version, reader.u8()?)?;
        if options.no_local && filter.starts_with("$share/") {
            return Err(DecodeError::protocol(
                "a shared subscription has No Local set",
            ));
        }
        Ok((filter.to_owned(), options))
    })?;
    Ok(Subscribe {
        packet_id,
        id,
        filters,
    })
}

fn options(version: Version, byte: u8) -> Result<SubscribeOptions> {
    let reserved = if version == Version::V5 {
        0b1100_0000
    } else {
        0b1111_1100
    };
    if byte & reserved != 0 {
        return Err(DecodeError::malformed(
            "a subscription has reserved bits set",
        ));
    }
    Ok(SubscribeOptions {
        qos: Qos::from_u8(byte & 0b11)
            .ok_or(DecodeError::malformed("a subscription asks for QoS 3"))?,
        no_local: byte & 0b100 != 0,
        retain_as_published: byte & 0b1000 != 0,
        retain_handling: match byte >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(DecodeError::protocol("a retain handling is 3")),
        },
    })
}

const UNSUBSCRIBE: Allowed = Allowed::of(&[id::USER]);

fn unsubscribe(version: Version, reader: &mut Reader<'_>) -> Result<Unsubscribe> {
    let packet_id = reader.packet_id()?;
    if version == Version::V5 {
        properties::read(reader, UNSUBSCRIBE, |_| {})?;
    }
    let filters = filters(reader, |_, filter| Ok(filter.to_owned()))?;
    Ok(Unsubscribe { packet_id, filters })
}

/// Reads filters until the packet ends, each with what `each` reads after it.
fn filters<'a, T>(
    reader: &mut Reader<'a>,
    mut each: impl FnMut(&mut Reader<'a>, &'a str) -> Result<T>,
) -> Result<Vec<T>> {
    let mut filters = Vec::new();
    while !reader.is_empty() {
        if filters.len() == MAX_FILTERS {
            return Err(DecodeError::new(
                Reason::QuotaExceeded,
                "a packet has more than 1024 filters",
            ));
        }
        let filter = reader.text()?;
        if filter.is_empty() {
            return Err(DecodeError::malformed("a filter is empty"));
        }
        filters.push(each(reader, filter)?);
    }
    if filters.is_empty() {
        return Err(DecodeError::protocol("a packet has no filter"));
    }
    Ok(filters)
}

/// What a client may say in a DISCONNECT (MQTT 5.0 table 3-10).
const DISCONNECT_REASONS: [Reason; 14] = [
    Reason::Success,
    Reason::DisconnectWithWill,
    Reason::UnspecifiedError,
    Reason::MalformedPacket,
    Reason::ProtocolError,
    Reason::ImplementationSpecificError,
    Reason::TopicNameInvalid,
    Reason::ReceiveMaximumExceeded,
    Reason::TopicAliasInvalid,
    Reason::PacketTooLarge,
    Reason::MessageRateTooHigh,
    Reason::QuotaExceeded,
    Reason::AdministrativeAction,
    Reason::PayloadFormatInvalid,
];
const DISCONNECT: Allowed = Allowed::of(&[id::SESSION_EXPIRY, id::REASON_STRING, id::USER]);

fn disconnect(version: Version, reader: &mut Reader<'_>) -> Result<Disconnect> {
    let mut packet = Disconnect {
        reason: Reason::Success,
        session_expiry: None,
    };
    if version == Version::V5 && !reader.is_empty() {
        packet.reason = read_reason(reader, &DISCONNECT_REASONS)?;
        if !reader.is_empty() {
            properties::read(reader, DISCONNECT, |property| {
                if let Property::SessionExpiry(seconds) = property {
                    packet.session_expiry = Some(seconds);
                }
            })?;
        }
    }
    Ok(packet)
}

const AUTH: Allowed = Allowed::of(&[id::AUTH_METHOD, id::AUTH_DATA, id::REASON_STRING, id::USER]);

fn auth(reader: &mut Reader<'_>) -> Result<Auth> {
    let reason = read_reason(
        reader,
        &[Reason::ContinueAuthentication, Reason::Reauthenticate],
    )?;
    let mut method = None;
    properties::read(reader, AUTH, |property| {
        if let Property::AuthMethod(name) = property {
            method = Some(name.to_owned());
        }
    })?;
    Ok(Auth { reason, method })
}
