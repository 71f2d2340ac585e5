//! What the other codec writes is read as it was meant, and what ours writes means the same to it.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::BytesMut;
use mqtt::{
    Ack, ConnAck, Connect, Disconnect, Encoder, Incoming, Outgoing, Reason, Subscribe, Unsubscribe,
    Version, Will, decode,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rmqtt_codec::types::{Protocol, QoS};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::{Decoder as _, Encoder as _};

use crate::generate::{
    ack, connect_v3, connect_v5, disconnect, packet_id, qos, subscribe_v3, subscribe_v5, text,
    unsubscribe,
};

pub(crate) const LIMIT: u32 = 1 << 20;
const RECEIVED: &[Reason] = &[
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::QuotaExceeded,
];
const RELEASED: &[Reason] = &[Reason::Success, Reason::PacketIdNotFound];

pub(crate) fn their_qos(qos: mqtt::Qos) -> QoS {
    QoS::try_from(qos.as_u8()).unwrap()
}

pub(crate) fn v5_bytes(packet: v5::Packet) -> BytesMut {
    let mut out = BytesMut::new();
    v5::Codec::new(LIMIT, LIMIT)
        .encode(packet, &mut out)
        .unwrap();
    out
}

pub(crate) fn v3_bytes(packet: v3::Packet) -> BytesMut {
    let mut out = BytesMut::new();
    v3::Codec::new(LIMIT).encode(packet, &mut out).unwrap();
    out
}

pub(crate) fn v5_packet(bytes: &mut BytesMut) -> v5::Packet {
    let (packet, _) = v5::Codec::new(LIMIT, LIMIT).decode(bytes).unwrap().unwrap();
    assert!(bytes.is_empty());
    packet
}

pub(crate) fn v3_packet(bytes: &mut BytesMut) -> v3::Packet {
    let (packet, _) = v3::Codec::new(LIMIT).decode(bytes).unwrap().unwrap();
    assert!(bytes.is_empty());
    packet
}

fn encode(version: Version, packet: &Outgoing<'_>) -> BytesMut {
    let mut out = BytesMut::new();
    let encoder = Encoder {
        version,
        max_packet_size: u32::MAX,
        problem_information: true,
    };
    encoder.encode(packet, &mut out);
    out
}

fn their_will(will: &Will) -> v5::LastWill {
    let properties = will.properties.clone().unwrap_or_default();
    v5::LastWill {
        qos: their_qos(will.qos),
        retain: will.retain,
        topic: will.topic.as_str().into(),
        message: will.payload.clone(),
        will_delay_interval_sec: Some(will.delay),
        correlation_data: properties.correlation_data,
        message_expiry_interval: will.message_expiry.and_then(NonZeroU32::new),
        content_type: Some(will.content_type.as_str().into()),
        user_properties: their_pairs(properties.user),
        is_utf8_payload: properties.payload_is_utf8,
        response_topic: properties.response_topic.map(Into::into),
    }
}

pub(crate) fn their_pairs(pairs: Vec<(String, String)>) -> v5::UserProperties {
    pairs
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn their_connect(connect: &Connect) -> v5::Connect {
    v5::Connect {
        clean_start: connect.clean_start,
        keep_alive: connect.keep_alive,
        session_expiry_interval_secs: connect.session_expiry,
        auth_method: connect.auth_method.clone().map(Into::into),
        request_problem_info: connect.request_problem_information,
        request_response_info: connect.request_response_information,
        receive_max: Some(connect.receive_maximum),
        topic_alias_max: connect.topic_alias_maximum,
        user_properties: vec![("ignored".into(), "here".into())],
        max_packet_size: NonZeroU32::new(connect.max_packet_size),
        last_will: connect.will.as_ref().map(their_will),
        client_id: connect.client_id.as_str().into(),
        username: connect.username.clone().map(Into::into),
        password: connect.password.clone(),
        ..v5::Connect::default()
    }
}

fn their_connect_v3(connect: &Connect) -> v3::Connect {
    v3::Connect {
        protocol: Protocol(if connect.version == Version::V31 {
            3
        } else {
            4
        }),
        clean_session: connect.clean_start,
        keep_alive: connect.keep_alive,
        last_will: connect.will.as_ref().map(|will| v3::LastWill {
            qos: their_qos(will.qos),
            retain: will.retain,
            topic: will.topic.as_str().into(),
            message: will.payload.clone(),
        }),
        client_id: connect.client_id.as_str().into(),
        username: connect.username.clone().map(Into::into),
        password: connect.password.clone(),
        cert: None,
    }
}

/// Corrects the protocol level of a CONNECT of 3.1: the other codec writes 4.
fn correct_level(bytes: &mut BytesMut) {
    let name = b"MQIsdp";
    let at = bytes.windows(name.len()).position(|window| window == name);
    bytes[at.unwrap() + name.len()] = 3;
}

fn their_subscribe(subscribe: &Subscribe) -> v5::Subscribe {
    let filters = subscribe.filters.iter().map(|(filter, options)| {
        let options = v5::SubscriptionOptions {
            qos: their_qos(options.qos),
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: v5::RetainHandling::try_from(options.retain_handling as u8).unwrap(),
        };
        (filter.as_str().into(), options)
    });
    v5::Subscribe {
        packet_id: subscribe.packet_id,
        id: subscribe.id,
        user_properties: vec![("ignored".into(), "here".into())],
        topic_filters: filters.collect(),
    }
}

fn their_ack(ack: Ack, why: Option<String>) -> v5::PublishAck {
    v5::PublishAck {
        packet_id: ack.packet_id,
        reason_code: ack.reason.as_u8().try_into().unwrap(),
        properties: Vec::new(),
        reason_string: why.map(Into::into),
    }
}

fn their_ack2(ack: Ack, why: Option<String>) -> v5::PublishAck2 {
    v5::PublishAck2 {
        packet_id: ack.packet_id,
        reason_code: ack.reason.as_u8().try_into().unwrap(),
        properties: Vec::new(),
        reason_string: why.map(Into::into),
    }
}

proptest! {
    #[test]
    fn connect_is_read(fifth in connect_v5(), older in connect_v3()) {
        let bytes = v5_bytes(their_connect(&fifth).into());
        prop_assert_eq!(mqtt::version(&bytes), Ok(Version::V5));
        prop_assert_eq!(decode(Version::V5, &bytes), Ok(Incoming::Connect(Box::new(fifth))));

        let mut bytes = v3_bytes(their_connect_v3(&older).into());
        if older.version == Version::V31 {
            correct_level(&mut bytes);
        }
        prop_assert_eq!(mqtt::version(&bytes), Ok(older.version));
        prop_assert_eq!(decode(older.version, &bytes), Ok(Incoming::Connect(Box::new(older))));
    }

    #[test]
    fn subscribe_is_read(fifth in subscribe_v5(), older in subscribe_v3()) {
        let bytes = v5_bytes(their_subscribe(&fifth).into());
        prop_assert_eq!(decode(Version::V5, &bytes), Ok(Incoming::Subscribe(fifth)));

        let filters = older.filters.iter();
        let filters = filters.map(|(filter, options)| (filter.as_str().into(), their_qos(options.qos)));
        let bytes = v3_bytes(v3::Packet::Subscribe {
            packet_id: older.packet_id,
            topic_filters: filters.collect(),
        });
        prop_assert_eq!(decode(Version::V311, &bytes), Ok(Incoming::Subscribe(older)));
    }

    #[test]
    fn unsubscribe_is_read(packet in unsubscribe()) {
        let Unsubscribe { packet_id, filters } = packet.clone();
        let bytes = v5_bytes(v5::Packet::Unsubscribe(v5::Unsubscribe {
            packet_id,
            user_properties: vec![("ignored".into(), "here".into())],
            topic_filters: filters.iter().map(|filter| filter.as_str().into()).collect(),
        }));
        prop_assert_eq!(decode(Version::V5, &bytes), Ok(Incoming::Unsubscribe(packet.clone())));

        let topic_filters = filters.into_iter().map(Into::into).collect();
        let bytes = v3_bytes(v3::Packet::Unsubscribe { packet_id, topic_filters });
        prop_assert_eq!(decode(Version::V311, &bytes), Ok(Incoming::Unsubscribe(packet)));
    }

    #[test]
    fn acks_are_read(received in ack(RECEIVED), released in ack(RELEASED), why in option::of(text())) {
        let read = |packet| decode(Version::V5, &v5_bytes(packet)).map(|packet| format!("{packet:?}"));
        let written = |packet: Incoming<'_>| Ok(format!("{packet:?}"));
        let (theirs, theirs2) = (their_ack(received, why.clone()), their_ack2(released, why));
        prop_assert_eq!(read(v5::Packet::PublishAck(theirs.clone())), written(Incoming::PubAck(received)));
        prop_assert_eq!(read(v5::Packet::PublishReceived(theirs)), written(Incoming::PubRec(received)));
        prop_assert_eq!(read(v5::Packet::PublishRelease(theirs2.clone())), written(Incoming::PubRel(released)));
        prop_assert_eq!(read(v5::Packet::PublishComplete(theirs2)), written(Incoming::PubComp(released)));
    }

    #[test]
    fn disconnect_is_read(packet in disconnect(), why in option::of(text())) {
        let Disconnect { reason, session_expiry } = packet.clone();
        let mut theirs = v5::Disconnect::new(reason.as_u8().try_into().unwrap());
        theirs.session_expiry_interval_secs = session_expiry;
        theirs.reason_string = why.map(Into::into);
        let bytes = v5_bytes(theirs.into());
        prop_assert_eq!(decode(Version::V5, &bytes), Ok(Incoming::Disconnect(packet)));
    }

    #[test]
    fn acks_are_written(received in ack(RECEIVED), released in ack(RELEASED)) {
        for version in [Version::V311, Version::V5] {
            let fifth = version == Version::V5;
            let packets = [
                (Outgoing::PubAck(received), v5::Packet::PublishAck(their_ack(received, None))),
                (Outgoing::PubRec(received), v5::Packet::PublishReceived(their_ack(received, None))),
                (Outgoing::PubRel(released), v5::Packet::PublishRelease(their_ack2(released, None))),
                (Outgoing::PubComp(released), v5::Packet::PublishComplete(their_ack2(released, None))),
            ];
            for (ours, theirs) in packets {
                let mut bytes = encode(version, &ours);
                if fifth {
                    prop_assert_eq!(v5_packet(&mut bytes), theirs);
                } else {
                    let first = bytes[0];
                    prop_assert_eq!(v3_packet(&mut bytes).packet_type(), first);
                }
            }
        }
    }

    #[test]
    fn suback_and_unsuback_are_written(
        packet_id in packet_id(),
        granted in vec(option::of(qos()), 1..5),
        why in option::of(text()),
    ) {
        let reasons: Vec<Reason> = granted.iter().map(|qos| qos.map_or(Reason::NotAuthorized, Reason::from)).collect();
        let ours = Outgoing::SubAck { packet_id, reasons: &reasons, reason_string: why.as_deref() };
        let status = reasons.iter().map(|reason| reason.as_u8().try_into().unwrap()).collect();
        prop_assert_eq!(v5_packet(&mut encode(Version::V5, &ours)), v5::Packet::SubscribeAck(v5::SubscribeAck {
            packet_id,
            properties: Vec::new(),
            reason_string: why.clone().map(Into::into),
            status,
        }));
        let status = granted.iter().map(|qos| {
            qos.map_or(v3::SubscribeReturnCode::Failure, |qos| v3::SubscribeReturnCode::Success(their_qos(qos)))
        });
        let status = status.collect();
        prop_assert_eq!(v3_packet(&mut encode(Version::V311, &ours)), v3::Packet::SubscribeAck { packet_id, status });

        let reasons = [Reason::Success, Reason::NoSubscriptionExisted];
        let ours = Outgoing::UnsubAck { packet_id, reasons: &reasons };
        let status = vec![v5::UnsubscribeAckReason::Success, v5::UnsubscribeAckReason::NoSubscriptionExisted];
        prop_assert_eq!(v5_packet(&mut encode(Version::V5, &ours)), v5::Packet::UnsubscribeAck(v5::UnsubscribeAck {
            packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        }));
        prop_assert_eq!(v3_packet(&mut encode(Version::V311, &ours)), v3::Packet::UnsubscribeAck { packet_id });
    }

    #[test]
    fn connack_is_written(
        present in any::<bool>(),
        (seconds, size, count) in (option::of(any::<u32>()), option::of(1..u32::MAX), option::of(1..u16::MAX)),
        (id, aliases, keep_alive) in (option::of(text()), option::of(1..u16::MAX), option::of(any::<u16>())),
        (shared, retain, max_qos, why) in (any::<bool>(), any::<bool>(), option::of(0..2u8), option::of(text())),
    ) {
        let ours = ConnAck {
            session_present: present,
            session_expiry: seconds,
            receive_maximum: count,
            maximum_qos: max_qos.and_then(mqtt::Qos::from_u8),
            max_packet_size: size,
            assigned_client_id: id.clone(),
            topic_alias_maximum: aliases,
            retain_available: retain,
            shared_subscriptions_available: shared,
            server_keep_alive: keep_alive,
            reason_string: why.clone(),
            ..ConnAck::new(Reason::Success)
        };
        let theirs = v5::ConnectAck {
            session_present: present,
            session_expiry_interval_secs: seconds,
            receive_max: count.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MAX),
            max_qos: max_qos.map_or(QoS::ExactlyOnce, |qos| qos.try_into().unwrap()),
            max_packet_size: size,
            assigned_client_id: id.map(Into::into),
            topic_alias_max: aliases.unwrap_or(0),
            retain_available: retain,
            shared_subscription_available: shared,
            server_keepalive_sec: keep_alive,
            reason_string: why.map(Into::into),
            ..v5::ConnectAck::default()
        };
        let packet = Outgoing::ConnAck(&ours);
        prop_assert_eq!(v5_packet(&mut encode(Version::V5, &packet)), theirs.into());
        prop_assert_eq!(v3_packet(&mut encode(Version::V311, &packet)), v3::Packet::ConnectAck(v3::ConnectAck {
            return_code: v3::ConnectAckReason::ConnectionAccepted,
            session_present: present,
        }));
    }

    #[test]
    fn server_disconnect_is_written(why in option::of(text())) {
        let ours = Outgoing::Disconnect { reason: Reason::SessionTakenOver, reason_string: why.as_deref() };
        let mut theirs = v5::Disconnect::new(v5::DisconnectReasonCode::SessionTakenOver);
        theirs.reason_string = why.clone().map(Into::into);
        prop_assert_eq!(v5_packet(&mut encode(Version::V5, &ours)), theirs.into());
        prop_assert_eq!(encode(Version::V311, &ours).len(), 0);
    }
}

#[test]
fn pings_and_farewells_are_the_same_in_all_versions() {
    let ping = v5_bytes(v5::Packet::PingRequest);
    assert_eq!(decode(Version::V5, &ping), Ok(Incoming::PingReq));
    assert_eq!(
        v3_packet(&mut encode(Version::V311, &Outgoing::PingResp)),
        v3::Packet::PingResponse
    );
    let farewell = Ok(Incoming::Disconnect(Disconnect {
        reason: Reason::Success,
        session_expiry: None,
    }));
    assert_eq!(
        decode(Version::V31, &v3_bytes(v3::Packet::Disconnect)),
        farewell
    );
}

#[test]
fn auth_is_read() {
    let mut theirs = v5::Auth {
        reason_code: v5::AuthReasonCode::ContinueAuth,
        ..v5::Auth::default()
    };
    theirs.auth_method = Some("SCRAM".into());
    theirs.auth_data = Some(vec![1].into());
    assert_eq!(
        decode(Version::V5, &v5_bytes(theirs.into())),
        Ok(Incoming::Auth(mqtt::Auth {
            reason: Reason::ContinueAuthentication,
            method: Some("SCRAM".to_owned()),
        }))
    );
}
