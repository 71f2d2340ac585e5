use model::{ChannelId, ThingId};
use proptest::prelude::*;

use super::*;
use crate::message::testing::message;

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[^\u{0}]{1,20}")
}

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn properties() -> impl Strategy<Value = Option<Box<Properties>>> {
    let all = (
        any::<Option<bool>>(),
        text(),
        proptest::option::of(bytes()),
        proptest::collection::vec(("\\PC{0,8}", "\\PC{0,8}"), 0..4),
    );
    proptest::option::of(all.prop_map(
        |(payload_is_utf8, response_topic, correlation_data, user)| {
            Box::new(Properties {
                payload_is_utf8,
                response_topic,
                correlation_data,
                user,
            })
        },
    ))
}

fn uuids() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn protocols() -> impl Strategy<Value = Protocol> {
    prop_oneof![
        Just(Protocol::Http),
        Just(Protocol::Ws),
        Just(Protocol::Mqtt),
        Just(Protocol::Coap),
        Just(Protocol::Other("lora".to_owned())),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    let who = (
        uuids(),
        uuids(),
        uuids(),
        protocols(),
        proptest::option::of(uuids()),
    );
    let what = (
        "([a-z%]{1,5}(\\.[a-z]{1,5}){0,3})?",
        "\\PC{0,20}",
        bytes(),
        properties(),
    );
    let how = (
        any::<i64>(),
        text(),
        text(),
        0..3u8,
        any::<bool>(),
        1..i64::MAX,
        any::<bool>(),
    );
    (who, what, how).prop_map(|(who, what, how)| {
        let (id, channel, publisher, protocol, origin) = who;
        let (subtopic, content_type, payload, properties) = what;
        let (created, trace, topic, qos, retain, expires, does_expire) = how;
        Message {
            id: id.into(),
            channel: channel.into(),
            subtopic: Subtopic::from_levels(&subtopic).unwrap(),
            publisher: publisher.into(),
            protocol,
            content_type,
            created: Timestamp::from_micros(created),
            payload,
            trace,
            topic,
            qos,
            retain,
            expires: does_expire.then(|| Timestamp::from_micros(expires)),
            properties,
            origin,
        }
    })
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    Record::encode(message, &mut out);
    out
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(message in messages()) {
        prop_assert_eq!(Message::peek_key(&encoded(&message)), Some(message.channel));
        prop_assert_eq!(<Message as Record>::decode(&encoded(&message)).unwrap(), message);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = <Message as Record>::decode(&bytes);
        let _ = Message::peek_key(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(
        message in messages(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = encoded(&message);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = <Message as Record>::decode(&bytes);
    }
}

fn legacy() -> wire::RawMessage {
    wire::RawMessage {
        channel: ChannelId::random().to_string(),
        subtopic: "a.b".to_owned(),
        publisher: ThingId::random().to_string(),
        protocol: "lora".to_owned(),
        payload: Bytes::from_static(b"x"),
        ..wire::RawMessage::default()
    }
}

#[test]
fn a_message_of_0_9_gets_what_it_lacks() {
    let bytes = legacy().encode_to_vec();
    let now = Timestamp::from_micros(7);
    let first = Message::decode_at(&bytes, now).unwrap();
    assert_eq!((first.created, first.qos), (now, 1));
    assert_eq!(first.protocol, Protocol::Other("lora".to_owned()));
    assert_ne!(first.id, Message::decode_at(&bytes, now).unwrap().id);
}

#[test]
fn a_kept_message_of_0_9_is_the_same_each_time_it_is_read() {
    let bytes = legacy().encode_to_vec();
    let read = |seq, micros| {
        let at = Timestamp::from_micros(micros);
        Message::decode_kept(&bytes, Kept { seq, at }).unwrap()
    };
    let now = 1_700_000_000_000_000;
    assert_eq!(read(1, now), read(1, now));
    assert_eq!(read(1, now).created, Timestamp::from_micros(now));
    assert_ne!(read(1, now).id, read(2, now).id);
    assert_ne!(read(1, now).id, read(1, now + 1000).id);
    assert_eq!(read(u64::MAX, now).id.uuid().get_version_num(), 8);
    let own = message("a");
    let kept = Kept {
        seq: 1,
        at: own.created,
    };
    assert_eq!(Message::decode_kept(&encoded(&own), kept).unwrap(), own);
}

#[test]
fn a_0_9_service_finds_its_fields() {
    let message = message("a.b");
    let raw = wire::RawMessage::decode(encoded(&message).as_slice()).unwrap();
    assert_eq!(raw.channel, message.channel.to_string());
    assert_eq!(
        (raw.subtopic.as_str(), raw.protocol.as_str()),
        ("a.b", "http")
    );
    assert_eq!(raw.publisher, message.publisher.to_string());
    assert_eq!(raw.payload, message.payload);
}

#[test]
fn what_no_adapter_accepts_is_no_message() {
    let refused = |change: fn(&mut wire::RawMessage)| {
        let mut raw = legacy();
        change(&mut raw);
        Message::decode_at(&raw.encode_to_vec(), Timestamp::now()).is_err()
    };
    assert!(!refused(|_| {}));
    assert!(refused(|raw| raw.channel = "1".to_owned()));
    assert!(refused(|raw| raw.publisher.clear()));
    assert!(refused(|raw| raw.subtopic = "a.*".to_owned()));
    assert!(refused(|raw| raw.subtopic = "a b".to_owned()));
    assert!(refused(|raw| raw.id = vec![1, 2]));
    assert!(refused(|raw| raw.origin = vec![1]));
    assert!(refused(|raw| {
        raw.id = vec![1; 16];
        raw.qos = 3;
    }));
}
