//! PUBLISH in both directions, all its copies included.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::{Bytes, BytesMut};
use messaging::Properties;
use mqtt::{
    Alias, Incoming, PacketId, PublishContent, PublishCopy, PublishFrame, Qos, Version, decode,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::PublishProperties;
use rmqtt_codec::{v3, v5};

use crate::generate::{packet_id, properties, qos, seconds, text};
use crate::theirs::{their_pairs, their_qos, v3_bytes, v3_packet, v5_bytes, v5_packet};

/// A PUBLISH in neither codec's words.
#[derive(Clone, Debug)]
struct Packet {
    topic: String,
    payload: Bytes,
    content_type: Option<String>,
    expiry: Option<u32>,
    properties: Option<Box<Properties>>,
    delivery: Option<(Qos, PacketId)>,
    dup: bool,
    retain: bool,
    ids: Vec<NonZeroU32>,
    alias: Option<u16>,
}

fn packet() -> impl Strategy<Value = Packet> {
    // Sizes on both sides of where payloads are shared, and of where a length takes another byte.
    let payload = (
        prop_oneof![0..140usize, 1000..1100usize, 16_300..16_500usize],
        any::<u8>(),
    )
        .prop_map(|(size, byte)| Bytes::from(vec![byte; size]));
    let ids = vec(
        (1..=268_435_455u32).prop_map(|id| NonZeroU32::new(id).unwrap()),
        0..4,
    );
    let delivery =
        (qos(), packet_id()).prop_map(|(qos, id)| (qos != Qos::AtMostOnce).then_some((qos, id)));
    let parts = (
        (
            text(),
            payload,
            option::of(text()),
            option::of(seconds()),
            properties(),
        ),
        (
            delivery,
            any::<bool>(),
            any::<bool>(),
            ids,
            option::of(1..u16::MAX),
        ),
    );
    parts.prop_map(|(content, (delivery, dup, retain, ids, alias))| Packet {
        topic: content.0,
        payload: content.1,
        content_type: content.2,
        expiry: content.3,
        properties: content.4,
        delivery,
        dup: dup && delivery.is_some(),
        retain,
        ids,
        alias,
    })
}

impl Packet {
    /// Writes the packet with our codec.
    fn write(&self, version: Version, alias: Option<Alias>) -> BytesMut {
        let content = PublishContent {
            topic: &self.topic,
            payload: &self.payload,
            content_type: self.content_type.as_deref().unwrap_or_default(),
            expiry: self.expiry,
            properties: self.properties.as_deref(),
        };
        let copy = PublishCopy {
            delivery: self.delivery,
            dup: self.dup,
            retain: self.retain,
            subscription_ids: &self.ids,
            alias,
        };
        let frame = PublishFrame::new(version, self.delivery.is_some(), &content).unwrap();
        let mut out = BytesMut::from("what was there before");
        let start = out.len();
        let shared = frame.write(&copy, &mut out);
        assert_eq!(shared.is_some(), self.payload.len() > 1024);
        out.extend(shared);
        assert_eq!(out.len() - start, frame.size(&copy));
        out.split_off(start)
    }

    /// Says it in the other codec's words.
    fn theirs(&self) -> Publish {
        let properties = self.properties.clone().unwrap_or_default();
        Publish {
            dup: self.dup,
            retain: self.retain,
            qos: their_qos(self.delivery.map_or(Qos::AtMostOnce, |(qos, _)| qos)),
            topic: self.topic.as_str().into(),
            packet_id: self.delivery.map(|(_, id)| id),
            payload: self.payload.clone(),
            properties: Some(PublishProperties {
                topic_alias: self.alias.and_then(NonZeroU16::new),
                correlation_data: properties.correlation_data,
                message_expiry_interval: self.expiry.and_then(NonZeroU32::new),
                content_type: self.content_type.clone().map(Into::into),
                user_properties: their_pairs(properties.user),
                is_utf8_payload: properties.payload_is_utf8.unwrap_or(false),
                response_topic: properties.response_topic.map(Into::into),
                subscription_ids: self.ids.clone(),
            }),
        }
    }
}

proptest! {
    #[test]
    fn what_they_write_is_read(mut packet in packet()) {
        packet.ids.clear();
        let bytes = v5_bytes(packet.theirs().into());
        let Ok(Incoming::Publish(ours)) = decode(Version::V5, &bytes) else {
            return Err(TestCaseError::fail("not read"));
        };
        prop_assert_eq!((ours.dup, ours.retain), (packet.dup, packet.retain));
        prop_assert_eq!(ours.packet_id.map(|id| (ours.qos, id)), packet.delivery);
        prop_assert_eq!((ours.topic, ours.payload), (packet.topic.as_str(), &packet.payload[..]));
        prop_assert_eq!(ours.properties.topic_alias.map(NonZeroU16::get), packet.alias);
        prop_assert_eq!(ours.properties.message_expiry, packet.expiry);
        prop_assert_eq!(ours.properties.content_type, packet.content_type.as_deref());
        prop_assert_eq!(ours.properties.to_message(), packet.properties.clone());

        let bytes = v3_bytes(v3::Packet::from(Publish { properties: None, ..packet.theirs() }));
        let Ok(Incoming::Publish(ours)) = decode(Version::V311, &bytes) else {
            return Err(TestCaseError::fail("not read"));
        };
        prop_assert_eq!((ours.topic, ours.payload), (packet.topic.as_str(), &packet.payload[..]));
        prop_assert_eq!(ours.packet_id.map(|id| (ours.qos, id)), packet.delivery);
    }

    #[test]
    fn what_is_written_they_read(packet in packet()) {
        let define = packet.alias.map(Alias::Define);
        prop_assert_eq!(v5_packet(&mut packet.write(Version::V5, define)), v5::Packet::from(packet.theirs()));

        let abbreviate = packet.alias.map(Alias::Use);
        let mut theirs = packet.theirs();
        if abbreviate.is_some() {
            theirs.topic = "".into();
        }
        prop_assert_eq!(v5_packet(&mut packet.write(Version::V5, abbreviate)), v5::Packet::from(theirs));

        let theirs = Publish { properties: None, ..packet.theirs() };
        prop_assert_eq!(v3_packet(&mut packet.write(Version::V311, define)), v3::Packet::from(theirs));
    }
}

#[test]
fn what_mqtt_cannot_carry_is_not_written() {
    let content = PublishContent {
        topic: &"a".repeat(65_536),
        payload: &Bytes::new(),
        content_type: "",
        expiry: None,
        properties: None,
    };
    assert!(PublishFrame::new(Version::V311, false, &content).is_none());

    let properties = Properties {
        user: vec![
            ("a".repeat(65_536), String::new()),
            ("k".to_owned(), "v".to_owned()),
        ],
        response_topic: Some("a".repeat(65_536)),
        ..Properties::default()
    };
    let content = PublishContent {
        topic: "a",
        properties: Some(&properties),
        ..content
    };
    let mut out = BytesMut::new();
    let frame = PublishFrame::new(Version::V5, false, &content).unwrap();
    assert_eq!(frame.write(&PublishCopy::default(), &mut out), None);
    let Ok(Incoming::Publish(publish)) = decode(Version::V5, &out) else {
        panic!("not read");
    };
    assert_eq!(
        publish.properties.user.iter().collect::<Vec<_>>(),
        [("k", "v")]
    );
    assert_eq!(publish.properties.response_topic, None);
}
