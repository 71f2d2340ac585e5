use std::num::NonZeroU16;

use bytes::Bytes;
use messaging::Properties;

use super::error::{DecodeError, Result};
use super::frame::read_version;
use super::properties::{self, Allowed, Property, id};
use super::read::Reader;
use crate::packet::{Connect, Qos, Reason, Version, Will};

const USERNAME: u8 = 0b1000_0000;
const PASSWORD: u8 = 0b0100_0000;
const WILL_RETAIN: u8 = 0b0010_0000;
const WILL_QOS: u8 = 0b0001_1000;
const WILL: u8 = 0b0000_0100;
const CLEAN_START: u8 = 0b0000_0010;
const RESERVED: u8 = 0b0000_0001;

/// Reads the body of a CONNECT of any version.
pub(crate) fn connect(reader: &mut Reader<'_>) -> Result<Connect> {
    let version = read_version(reader)?;
    let flags = reader.u8()?;
    check_flags(version, flags)?;
    let mut connect = empty(version, flags & CLEAN_START != 0, reader.u16()?);
    if version == Version::V5 {
        connect_properties(reader, &mut connect)?;
    }
    reader.text()?.clone_into(&mut connect.client_id);
    check_client_id(&connect)?;
    if flags & WILL != 0 {
        connect.will = Some(will(version, flags, reader)?);
    }
    if flags & USERNAME != 0 {
        connect.username = Some(reader.text()?.to_owned());
    }
    if flags & PASSWORD != 0 {
        connect.password = Some(Bytes::copy_from_slice(reader.binary()?));
    }
    Ok(connect)
}

fn check_flags(version: Version, flags: u8) -> Result<()> {
    if flags & RESERVED != 0 {
        return Err(DecodeError::malformed("a CONNECT has reserved flags set"));
    }
    if flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(DecodeError::malformed(
            "a CONNECT without a will has flags of one",
        ));
    }
    if version != Version::V5 && flags & USERNAME == 0 && flags & PASSWORD != 0 {
        return Err(DecodeError::malformed(
            "a CONNECT has a password and no user name",
        ));
    }
    Ok(())
}

/// An empty client id asks for one: in 3.1 never, in 3.1.1 with a clean session only (MQTT 3.1.1 section 3.1.3.1).
fn check_client_id(connect: &Connect) -> Result<()> {
    let assignable = match connect.version {
        Version::V31 => false,
        Version::V311 => connect.clean_start,
        Version::V5 => true,
    };
    if connect.client_id.is_empty() && !assignable {
        return Err(DecodeError::new(
            Reason::ClientIdNotValid,
            "the client id is empty",
        ));
    }
    Ok(())
}

const fn empty(version: Version, clean_start: bool, keep_alive: u16) -> Connect {
    let outlives = !matches!(version, Version::V5) && !clean_start;
    Connect {
        version,
        clean_start,
        keep_alive,
        client_id: String::new(),
        username: None,
        password: None,
        will: None,
        session_expiry: if outlives { u32::MAX } else { 0 },
        receive_maximum: NonZeroU16::MAX,
        max_packet_size: u32::MAX,
        topic_alias_maximum: 0,
        request_response_information: false,
        request_problem_information: true,
        auth_method: None,
    }
}

const CONNECT: Allowed = Allowed::of(&[
    id::SESSION_EXPIRY,
    id::RECEIVE_MAXIMUM,
    id::MAX_PACKET_SIZE,
    id::TOPIC_ALIAS_MAXIMUM,
    id::REQUEST_RESPONSE,
    id::REQUEST_PROBLEM,
    id::USER,
    id::AUTH_METHOD,
    id::AUTH_DATA,
]);

fn connect_properties(reader: &mut Reader<'_>, connect: &mut Connect) -> Result<()> {
    let mut auth_data = false;
    properties::read(reader, CONNECT, |property| match property {
        Property::SessionExpiry(seconds) => connect.session_expiry = seconds,
        Property::ReceiveMaximum(count) => connect.receive_maximum = count,
        Property::MaxPacketSize(bytes) => connect.max_packet_size = bytes.get(),
        Property::TopicAliasMaximum(count) => connect.topic_alias_maximum = count,
        Property::RequestResponse(flag) => connect.request_response_information = flag,
        Property::RequestProblem(flag) => connect.request_problem_information = flag,
        Property::AuthMethod(name) => connect.auth_method = Some(name.to_owned()),
        Property::AuthData => auth_data = true,
        _ => {}
    })?;
    if auth_data && connect.auth_method.is_none() {
        return Err(DecodeError::protocol(
            "a CONNECT has authentication data and no method",
        ));
    }
    Ok(())
}

const WILL_PROPERTIES: Allowed = Allowed::of(&[
    id::WILL_DELAY,
    id::PAYLOAD_FORMAT,
    id::MESSAGE_EXPIRY,
    id::CONTENT_TYPE,
    id::RESPONSE_TOPIC,
    id::CORRELATION_DATA,
    id::USER,
]);

fn will(version: Version, flags: u8, reader: &mut Reader<'_>) -> Result<Will> {
    let mut will = Will {
        topic: String::new(),
        payload: Bytes::new(),
        qos: Qos::from_u8((flags & WILL_QOS) >> 3)
            .ok_or(DecodeError::malformed("a will has QoS 3"))?,
        retain: flags & WILL_RETAIN != 0,
        delay: 0,
        message_expiry: None,
        content_type: String::new(),
        properties: None,
    };
    if version == Version::V5 {
        will_properties(reader, &mut will)?;
    }
    reader.text()?.clone_into(&mut will.topic);
    if will.topic.is_empty() || will.topic.contains(['+', '#']) {
        return Err(DecodeError::new(
            Reason::TopicNameInvalid,
            "the topic of a will is empty or contains a wildcard",
        ));
    }
    will.payload = Bytes::copy_from_slice(reader.binary()?);
    Ok(will)
}

fn will_properties(reader: &mut Reader<'_>, will: &mut Will) -> Result<()> {
    let mut found = Properties::default();
    properties::read(reader, WILL_PROPERTIES, |property| match property {
        Property::WillDelay(seconds) => will.delay = seconds,
        Property::MessageExpiry(seconds) => will.message_expiry = Some(seconds),
        Property::ContentType(name) => name.clone_into(&mut will.content_type),
        Property::PayloadIsUtf8(flag) => found.payload_is_utf8 = Some(flag),
        Property::ResponseTopic(topic) => found.response_topic = Some(topic.to_owned()),
        Property::CorrelationData(data) => {
            found.correlation_data = Some(Bytes::copy_from_slice(data));
        }
        Property::User(name, value) => found.user.push((name.to_owned(), value.to_owned())),
        _ => {}
    })?;
    will.properties = (found != Properties::default()).then(|| Box::new(found));
    Ok(())
}
