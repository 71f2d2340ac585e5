//! CONNECT, its answer, and how connections end.

use mqtt::Config;

use crate::broker::Broker;
use crate::client::{Client, Hello, connect, text};
use crate::topic;

/// A CONNECT flag each.
const USER: u8 = 0b1000_0000;
const PASSWORD: u8 = 0b0100_0000;
const WILL_RETAIN: u8 = 0b0010_0000;
const WILL_QOS_1: u8 = 0b0000_1000;
const WILL: u8 = 0b0000_0100;
const CLEAN: u8 = 0b0000_0010;

#[tokio::test]
async fn the_first_packet_is_a_connect_and_the_only_one() {
    let broker = Broker::start().await;
    for first in [
        &b"\xc0\0"[..],
        b"\x30\x05\0\x03a/b",
        b"\xe0\0",
        b"GET / HTTP/1.1",
    ] {
        let mut client = Client::open(broker.address).await;
        client.send(first).await;
        assert_eq!(client.closed().await, None);
    }
    let again = connect(5, CLEAN, &[], &[b"c"]);
    let (mut client, answer) = Client::try_connect(broker.address, 5, &again).await;
    assert_eq!(answer.unwrap()[3], 0);
    client.send(&again).await;
    assert_eq!(client.closed().await, Some(0x82));
    broker.stop().await;
}

#[tokio::test]
async fn a_connect_that_does_not_conform_is_not_accepted() {
    let broker = Broker::start().await;
    let cases: [(u8, &[&[u8]]); 8] = [
        (CLEAN | 1, &[b"c"]),
        (CLEAN, &[b"\xff"]),
        (CLEAN | WILL_QOS_1, &[b"c"]),
        (CLEAN | WILL | 0b0001_1000, &[b"c", b"t", b"m"]),
        (CLEAN | WILL, &[b"c", b"\xc3\x28", b"m"]),
        (CLEAN | WILL, &[b"c"]),
        (CLEAN | USER, &[b"c", b"\xed\xa0\x80"]),
        (CLEAN | USER | PASSWORD, &[b"c", b"u"]),
    ];
    for (flags, fields) in cases {
        let packet = connect(4, flags, &[], fields);
        let (_, answer) = Client::try_connect(broker.address, 4, &packet).await;
        assert_eq!(answer, None, "{flags:#b} {fields:x?}");
        let packet = connect(5, flags, &[], fields);
        let (mut client, answer) = Client::try_connect(broker.address, 5, &packet).await;
        let answer = answer.expect("MQTT 5 clients are told why");
        assert!(answer[2] == 0 && answer[3] >= 0x80, "{answer:x?}");
        assert_eq!(client.closed().await, None);
    }
    broker.stop().await;
}

#[tokio::test]
async fn session_present_says_what_there_is() {
    let broker = Broker::start().await;
    for (clean, present) in [(false, 0), (false, 1), (true, 0), (false, 0)] {
        let hello = Hello {
            clean,
            ..Hello::v4("c")
        };
        let (mut client, answer) = Client::hello(broker.address, hello).await;
        assert_eq!(answer, [0x20, 2, present, 0]);
        client.send(b"\xe0\0").await;
        assert_eq!(client.closed().await, None);
    }
    let refused = connect(5, 0, b"\x15\0\x01x", &[b"c"]);
    let (_, answer) = Client::try_connect(broker.address, 5, &refused).await;
    assert_eq!(answer.unwrap()[2..4], [0, 0x8c]);
    broker.stop().await;
}

#[tokio::test]
async fn a_client_id_may_have_23_letters_and_digits_or_none() {
    let broker = Broker::start().await;
    for id in [
        "0123456789abcdefghijklm",
        "nopqrstuvwxyzABCDEFGHIJ",
        "KLMNOPQRSTUVWXYZ",
    ] {
        Client::connect(broker.address, Hello::v4(id)).await;
    }
    let empty = connect(4, CLEAN, &[], &[b""]);
    let (_, answer) = Client::try_connect(broker.address, 4, &empty).await;
    assert_eq!(answer.unwrap(), [0x20, 2, 0, 0]);
    let kept = connect(4, 0, &[], &[b""]);
    let (mut client, answer) = Client::try_connect(broker.address, 4, &kept).await;
    assert_eq!(answer.unwrap(), [0x20, 2, 0, 2]);
    assert_eq!(client.closed().await, None);
    broker.stop().await;
}

/// Returns the value of a text property of a CONNACK.
fn find(connack: &[u8], property: u8) -> Option<Vec<u8>> {
    let at = connack.iter().skip(5).position(|byte| *byte == property)? + 5;
    let length = usize::from(u16::from_be_bytes([connack[at + 1], connack[at + 2]]));
    connack.get(at + 3..at + 3 + length).map(<[u8]>::to_vec)
}

#[tokio::test]
async fn an_assigned_client_id_is_told_and_is_the_clients_from_then_on() {
    let broker = Broker::start().await;
    let expiry: &[u8] = b"\x11\0\0\x01\0";
    let nameless = connect(5, CLEAN, expiry, &[b""]);
    let (client, first) = Client::try_connect(broker.address, 5, &nameless).await;
    let (_, second) = Client::try_connect(broker.address, 5, &nameless).await;
    let (id, other) = (find(&first.unwrap(), 0x12), find(&second.unwrap(), 0x12));
    let id = id.expect("the id is told");
    assert_ne!(Some(&id), other.as_ref());
    drop(client);
    let again = connect(5, 0, expiry, &[&id]);
    let (_, answer) = Client::try_connect(broker.address, 5, &again).await;
    assert_eq!(answer.unwrap()[2..4], [1, 0]);
    broker.stop().await;
}

#[tokio::test]
async fn what_follows_a_refused_connect_is_not_looked_at() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut witness = Client::connect(broker.address, Hello::v4("w")).await;
    witness.subscribe(&topic, 0).await;
    let mut sent = connect(5, CLEAN, b"\x15\0\x01x", &[b"c"]);
    let publish = [text(&topic), b"\0secret".to_vec()].concat();
    sent.extend(crate::client::packet(0x30, &publish));
    let (mut client, answer) = Client::try_connect(broker.address, 5, &sent).await;
    assert_eq!(answer.unwrap()[3], 0x8c);
    assert_eq!(client.closed().await, None);
    witness.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn enhanced_authentication_is_refused_at_every_moment() {
    let broker = Broker::start().await;
    let method = connect(5, CLEAN, b"\x15\0\x0bSCRAM-SHA-1\x16\0\x01d", &[b"c"]);
    let (mut client, answer) = Client::try_connect(broker.address, 5, &method).await;
    assert_eq!(answer.unwrap()[3], 0x8c);
    assert_eq!(client.closed().await, None);
    for auth in [
        &b"\xf0\x06\x19\x04\x15\0\x01x"[..],
        b"\xf0\0",
        b"\xf1\x02\x19\0",
    ] {
        let (mut client, answer) = Client::hello(broker.address, Hello::v5("c")).await;
        assert_eq!(find(&answer, 0x15), None);
        client.send(auth).await;
        assert!(matches!(client.closed().await, Some(0x81 | 0x82)));
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_keep_alive_of_the_server_is_told_and_holds() {
    let broker = Broker::with(Config {
        max_keep_alive: 1,
        ..Config::default()
    })
    .await;
    let (mut client, answer) = Client::hello(broker.address, Hello::v5("c")).await;
    assert!(
        answer.windows(3).any(|part| part == [0x13, 0, 1]),
        "{answer:x?}"
    );
    assert_eq!(client.closed().await, Some(0x8d));
    broker.stop().await;
}

#[tokio::test]
async fn a_will_is_published_as_it_was_left() {
    let broker = Broker::start().await;
    let topic = topic("/status");
    let mut witness = Client::connect(broker.address, Hello::v4("w")).await;
    witness.subscribe(&topic, 2).await;
    for (flags, kept) in [(WILL_QOS_1, 0), (WILL_QOS_1 | WILL_RETAIN, 1)] {
        let leaving = connect(
            4,
            CLEAN | WILL | flags,
            &[],
            &[b"c", topic.as_bytes(), b"gone"],
        );
        drop(Client::try_connect(broker.address, 4, &leaving).await);
        let got = witness.message().await;
        assert_eq!((got.first, got.payload.as_slice()), (0x32, &b"gone"[..]));
        witness.puback(got.id).await;
        let mut late = Client::connect(broker.address, Hello::v4("l")).await;
        late.subscribe(&topic, 0).await;
        for _ in 0..kept {
            assert_eq!(late.message().await.first, 0x31);
        }
        late.expect_nothing().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_properties_of_a_will_arrive_in_order() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut witness = Client::connect(broker.address, Hello::v5("w")).await;
    witness.subscribe(&topic, 0).await;
    let properties: &[u8] = b"\x26\0\x01b\0\x011\x26\0\x01a\0\x012\x26\0\x01b\0\x010";
    let mut body = text("MQTT");
    body.extend([5, CLEAN | WILL, 0, 60, 0]);
    body.extend(text("c"));
    body.push(u8::try_from(properties.len()).unwrap());
    body.extend(properties);
    body.extend([text(&topic), text("gone")].concat());
    let packet = crate::client::packet(0x10, &body);
    drop(Client::try_connect(broker.address, 5, &packet).await);
    assert_eq!(witness.message().await.properties, properties);
    broker.stop().await;
}

#[tokio::test]
async fn a_client_may_leave_its_will_behind() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut witness = Client::connect(broker.address, Hello::v4("w")).await;
    witness.subscribe(&topic, 0).await;
    let will = [text("c"), b"\0".to_vec(), text(&topic), text("gone")].concat();
    let mut body = text("MQTT");
    body.extend([5, CLEAN | WILL, 0, 60, 0]);
    body.extend(will);
    let packet = crate::client::packet(0x10, &body);
    for (goodbye, published) in [(&b"\xe0\0"[..], false), (b"\xe0\x01\x04", true)] {
        let (mut client, answer) = Client::try_connect(broker.address, 5, &packet).await;
        assert_eq!(answer.unwrap()[3], 0);
        client.send(goodbye).await;
        assert_eq!(client.closed().await, None);
        if published {
            assert_eq!(witness.message().await.payload, b"gone");
        }
        witness.expect_nothing().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn version_3_1_is_spoken() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut body = text("MQIsdp");
    body.extend([3, CLEAN, 0, 60]);
    body.extend(text("old"));
    let packet = crate::client::packet(0x10, &body);
    let (mut client, answer) = Client::try_connect(broker.address, 3, &packet).await;
    assert_eq!(answer.unwrap(), [0x20, 2, 0, 0]);
    assert_eq!(client.subscribe(&topic, 1).await, 1);
    client.publish(0x00, &topic, 0, b"x").await;
    assert_eq!(client.message().await.payload, b"x");
    broker.stop().await;
}

#[tokio::test]
async fn a_client_id_that_is_too_long_is_refused() {
    let broker = Broker::with(Config {
        max_client_id: 30,
        ..Config::default()
    })
    .await;
    let long = "x".repeat(31);
    for (level, code) in [(4, 2), (5, 0x85)] {
        let packet = connect(level, CLEAN, &[], &[long.as_bytes()]);
        let (mut client, answer) = Client::try_connect(broker.address, level, &packet).await;
        assert_eq!(answer.unwrap()[3], code);
        assert_eq!(client.closed().await, None);
    }
    broker.stop().await;
}

#[tokio::test]
async fn no_answer_is_larger_than_the_client_takes() {
    let broker = Broker::start().await;
    // 60 bytes: enough for a CONNACK, not for what is said about a refusal.
    let hello = Hello {
        properties: b"\x27\0\0\0\x3c",
        ..Hello::v5("c")
    };
    let mut client = Client::connect(broker.address, hello).await;
    client.subscribe("no/channel/of/ours", 0).await;
    let alias = client.publish_packet(0, "", 0, b"\x23\xff\xff", b"x");
    client.send(&alias).await;
    assert_eq!(client.closed().await, Some(0x94));
    let refused = connect(5, CLEAN, b"\x27\0\0\0\x14\x15\0\x01x", &[b"c"]);
    let (_, answer) = Client::try_connect(broker.address, 5, &refused).await;
    let answer = answer.unwrap();
    assert!(answer.len() <= 20 && answer[3] == 0x8c, "{answer:x?}");
    // An answer that does not fit whatever is left out ends the connection.
    let tiny = Hello {
        properties: b"\x27\0\0\0\x05",
        ..Hello::v5("t")
    };
    let packet = connect(5, CLEAN, tiny.properties, &[b"t"]);
    let (_, answer) = Client::try_connect(broker.address, 5, &packet).await;
    assert_eq!(answer, None);
    broker.stop().await;
}
