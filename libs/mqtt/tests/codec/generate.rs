//! Strategies for packets that are as the specification wants them.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use messaging::Properties;
use mqtt::{
    Ack, Connect, Disconnect, PacketId, Qos, Reason, RetainHandling, Subscribe, SubscribeOptions,
    Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn text() -> impl Strategy<Value = String> {
    "[a-z0-9/é ]{1,12}"
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

pub(crate) fn qos() -> impl Strategy<Value = Qos> {
    (0..3u8).prop_map(|qos| Qos::from_u8(qos).unwrap())
}

pub(crate) fn packet_id() -> impl Strategy<Value = PacketId> {
    any::<NonZeroU16>()
}

pub(crate) fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..4)
}

/// Properties that some are set of, or nothing.
pub(crate) fn properties() -> impl Strategy<Value = Option<Box<Properties>>> {
    let parts = (
        option::of(Just(true)),
        option::of(text()),
        option::of(bytes()),
        pairs(),
    );
    parts.prop_map(
        |(payload_is_utf8, response_topic, correlation_data, user)| {
            let properties = Properties {
                payload_is_utf8,
                response_topic,
                correlation_data,
                user,
            };
            (properties != Properties::default()).then(|| Box::new(properties))
        },
    )
}

/// A number of seconds; the other codec refuses 0 where the specification allows it.
pub(crate) fn seconds() -> impl Strategy<Value = u32> {
    1..=u32::MAX
}

fn will() -> impl Strategy<Value = Will> {
    let parts = (
        (text(), bytes(), qos(), any::<bool>(), any::<u32>()),
        (option::of(seconds()), option::of(text()), properties()),
    );
    parts.prop_map(
        |((topic, payload, qos, retain, delay), (message_expiry, content_type, properties))| Will {
            topic,
            payload,
            qos,
            retain,
            delay,
            message_expiry,
            content_type: content_type.unwrap_or_default(),
            properties,
        },
    )
}

pub(crate) fn connect_v5() -> impl Strategy<Value = Connect> {
    let parts = (
        (
            any::<bool>(),
            any::<u16>(),
            text(),
            option::of(text()),
            option::of(bytes()),
        ),
        (
            option::of(will()),
            any::<u32>(),
            any::<NonZeroU16>(),
            any::<NonZeroU32>(),
        ),
        (
            any::<u16>(),
            any::<bool>(),
            any::<bool>(),
            option::of(text()),
        ),
    );
    parts.prop_map(|(first, second, third)| Connect {
        version: Version::V5,
        clean_start: first.0,
        keep_alive: first.1,
        client_id: first.2,
        username: first.3,
        password: first.4,
        will: second.0,
        session_expiry: second.1,
        receive_maximum: second.2,
        max_packet_size: second.3.get(),
        topic_alias_maximum: third.0,
        request_response_information: third.1,
        request_problem_information: third.2,
        auth_method: third.3,
    })
}

pub(crate) fn connect_v3() -> impl Strategy<Value = Connect> {
    let version = prop_oneof![Just(Version::V31), Just(Version::V311)];
    (version, connect_v5()).prop_map(|(version, connect)| Connect {
        version,
        password: connect.password.filter(|_| connect.username.is_some()),
        will: connect.will.map(|will| Will {
            delay: 0,
            message_expiry: None,
            content_type: String::new(),
            properties: None,
            ..will
        }),
        session_expiry: if connect.clean_start { 0 } else { u32::MAX },
        receive_maximum: NonZeroU16::MAX,
        max_packet_size: u32::MAX,
        topic_alias_maximum: 0,
        request_response_information: false,
        request_problem_information: true,
        auth_method: None,
        ..connect
    })
}

fn options() -> impl Strategy<Value = SubscribeOptions> {
    let handling = prop_oneof![
        Just(RetainHandling::Send),
        Just(RetainHandling::SendIfNew),
        Just(RetainHandling::DoNotSend),
    ];
    let parts = (qos(), any::<bool>(), any::<bool>(), handling);
    parts.prop_map(
        |(qos, no_local, retain_as_published, retain_handling)| SubscribeOptions {
            qos,
            no_local,
            retain_as_published,
            retain_handling,
        },
    )
}

pub(crate) fn subscribe_v5() -> impl Strategy<Value = Subscribe> {
    let id = option::of((1..=268_435_455u32).prop_map(|id| NonZeroU32::new(id).unwrap()));
    (packet_id(), id, vec((text(), options()), 1..5)).prop_map(|(packet_id, id, filters)| {
        Subscribe {
            packet_id,
            id,
            filters,
        }
    })
}

pub(crate) fn subscribe_v3() -> impl Strategy<Value = Subscribe> {
    let options = qos().prop_map(|qos| SubscribeOptions {
        qos,
        ..SubscribeOptions::default()
    });
    (packet_id(), vec((text(), options), 1..5)).prop_map(|(packet_id, filters)| Subscribe {
        packet_id,
        id: None,
        filters,
    })
}

pub(crate) fn unsubscribe() -> impl Strategy<Value = Unsubscribe> {
    (packet_id(), vec(text(), 1..5))
        .prop_map(|(packet_id, filters)| Unsubscribe { packet_id, filters })
}

pub(crate) fn ack(reasons: &'static [Reason]) -> impl Strategy<Value = Ack> {
    let reason = proptest::sample::select(reasons);
    (packet_id(), reason).prop_map(|(packet_id, reason)| Ack { packet_id, reason })
}

pub(crate) fn disconnect() -> impl Strategy<Value = Disconnect> {
    let reason = proptest::sample::select(&[
        Reason::Success,
        Reason::DisconnectWithWill,
        Reason::UnspecifiedError,
        Reason::ReceiveMaximumExceeded,
    ]);
    (reason, option::of(any::<u32>())).prop_map(|(reason, session_expiry)| Disconnect {
        reason,
        session_expiry,
    })
}
