//! PUBLISH in both directions: what arrives, and how it is acknowledged.

use mqtt::Config;

use crate::broker::Broker;
use crate::client::{Client, Hello};
use crate::topic;

/// A session of MQTT 5 that outlives its connection.
fn kept(client_id: &str) -> Hello<'_> {
    Hello {
        properties: b"\x11\0\0\x01\0",
        clean: false,
        ..Hello::v5(client_id)
    }
}

#[tokio::test]
async fn a_repetition_of_the_publisher_is_none_to_the_subscriber() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 1).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x0a, &topic, 1, b"x").await;
    assert_eq!(subscriber.message().await.first, 0x32);
    broker.stop().await;
}

#[tokio::test]
async fn a_subscriber_has_a_message_before_its_publisher_is_answered() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 0).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for id in 1..=100 {
        publisher.publish(0x02, &topic, id, b"x").await;
        assert!(subscriber.has_come(), "message {id} comes after its PUBACK");
        subscriber.message().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn an_identifier_is_free_once_its_exchange_is_over() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 0).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for dup in [0, 0x08] {
        publisher.publish(0x02 | dup, &topic, 1, b"1").await;
        assert_eq!(subscriber.message().await.payload, b"1");
    }
    for dup in [0, 0x08] {
        publisher.publish(0x04 | dup, &topic, 1, b"2").await;
        publisher.release(1).await;
        assert_eq!(subscriber.message().await.payload, b"2");
    }
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn properties_arrive_unaltered_and_in_order() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v5("s")).await;
    subscriber.subscribe(&topic, 1).await;
    let mut publisher = Client::connect(broker.address, Hello::v5("p")).await;
    let sent: &[u8] = b"\x03\0\x02ct\x01\x01\x08\0\x03r/t\x09\0\x02\0\xff\
        \x26\0\x01b\0\x01 1\x26\0\x01a\0\x012\x26\0\x01b\0\x011";
    let sent: Vec<u8> = sent.iter().copied().filter(|byte| *byte != b' ').collect();
    let publish = publisher.publish_packet(0x02, &topic, 1, &sent, b"x");
    publisher.send(&publish).await;
    publisher.expect(b"\x40\x02\0\x01").await;
    assert_eq!(subscriber.message().await.properties, sent);
    broker.stop().await;
}

#[tokio::test]
async fn an_alias_has_bounds_and_does_not_outlive_its_connection() {
    let broker = Broker::with(Config {
        topic_alias_maximum: 2,
        ..Config::default()
    })
    .await;
    let topic = topic("");
    for (alias, reason) in [
        (&b"\x23\0\x03"[..], 0x94),
        (b"\x23\0\0", 0x94),
        (b"\x23\0\x01", 0x82),
    ] {
        let mut client = Client::connect(broker.address, kept("c")).await;
        let set = client.publish_packet(0x02, &topic, 1, b"\x23\0\x02", b"x");
        client.send(&set).await;
        client.expect(b"\x40\x02\0\x01").await;
        let publish = client.publish_packet(0, "", 0, alias, b"x");
        client.send(&publish).await;
        assert_eq!(client.closed().await, Some(reason));
    }
    let mut client = Client::connect(broker.address, kept("c")).await;
    let publish = client.publish_packet(0, "", 0, b"\x23\0\x02", b"x");
    client.send(&publish).await;
    assert_eq!(
        client.closed().await,
        Some(0x82),
        "it was another connection's"
    );
    broker.stop().await;
}

#[tokio::test]
async fn a_client_gets_as_many_aliases_as_it_takes() {
    let broker = Broker::start().await;
    let base = topic("");
    let hello = Hello {
        properties: b"\x22\0\x02",
        ..Hello::v5("s")
    };
    let mut some = Client::connect(broker.address, hello).await;
    let mut none = Client::connect(broker.address, Hello::v5("n")).await;
    for client in [&mut some, &mut none] {
        client.subscribe(&format!("{base}/#"), 1).await;
    }
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    let expected: [(&str, bool, &[u8]); 6] = [
        ("/a", true, b"\x23\0\x01"),
        ("/b", true, b"\x23\0\x02"),
        ("/c", true, b""),
        ("/a", false, b"\x23\0\x01"),
        ("/c", true, b""),
        ("/b", false, b"\x23\0\x02"),
    ];
    for (tail, named, alias) in expected {
        let sent = format!("{base}{tail}");
        publisher.publish(0x02, &sent, 1, b"x").await;
        let got = some.message().await;
        some.puback(got.id).await;
        let name = if named { sent.as_str() } else { "" };
        assert_eq!(
            (got.topic.as_str(), got.properties.as_slice()),
            (name, alias)
        );
        let got = none.message().await;
        assert_eq!((got.topic, got.properties), (sent, Vec::new()));
    }
    broker.stop().await;
}

#[tokio::test]
async fn more_than_the_receive_maximum_is_too_much() {
    let broker = Broker::with(Config {
        receive_maximum: 2,
        ..Config::default()
    })
    .await;
    let topic = topic("");
    let (mut client, answer) = Client::hello(broker.address, Hello::v5("c")).await;
    assert!(
        answer.windows(3).any(|part| part == [0x21, 0, 2]),
        "{answer:x?}"
    );
    for id in 1..=2 {
        client.publish(0x04, &topic, id, b"x").await;
    }
    client.expect_nothing().await;
    for id in 3..=4 {
        let publish = client.publish_packet(0x04, &topic, id, &[], b"x");
        client.send(&publish).await;
    }
    let reason = loop {
        // One more than promised may be taken.
        let answer = client.recv().await;
        if answer[0] != 0x50 {
            break answer[2];
        }
    };
    assert_eq!(reason, 0x93);
    broker.stop().await;
}

#[tokio::test]
async fn a_refusal_by_the_client_ends_the_exchange() {
    let broker = Broker::start().await;
    let topic = topic("");
    let shared = format!("$share/g/{topic}");
    let mut subscriber = Client::connect(broker.address, kept("s")).await;
    subscriber.subscribe(&topic, 2).await;
    let mut member = Client::connect(broker.address, kept("m")).await;
    member.subscribe(&shared, 2).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for (flags, refusal) in [(0x02, 0x40), (0x04, 0x50)] {
        publisher.publish(flags, &topic, 1, b"x").await;
        if flags == 0x04 {
            publisher.release(1).await;
        }
        for client in [&mut subscriber, &mut member] {
            let got = client.message().await;
            let [high, low] = got.id.to_be_bytes();
            client.send(&[refusal, 3, high, low, 0x80]).await;
            client.expect_nothing().await;
        }
    }
    let mut other = Client::connect(broker.address, Hello::v5("o")).await;
    other.subscribe(&shared, 2).await;
    drop((subscriber, member));
    for id in ["s", "m"] {
        Client::connect(broker.address, kept(id))
            .await
            .expect_nothing()
            .await;
    }
    other.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_release_is_repeated_after_a_reconnect_and_not_before() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, kept("s")).await;
    subscriber.subscribe(&topic, 2).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x04, &topic, 1, b"x").await;
    publisher.release(1).await;
    let got = subscriber.message().await;
    let [high, low] = got.id.to_be_bytes();
    subscriber.send(&[0x50, 2, high, low]).await;
    subscriber.expect(&[0x62, 2, high, low]).await;
    subscriber.expect_nothing().await;
    drop(subscriber);
    let mut subscriber = Client::connect(broker.address, kept("s")).await;
    subscriber.expect(&[0x62, 2, high, low]).await;
    subscriber.send(&[0x70, 2, high, low]).await;
    subscriber.expect_nothing().await;
    drop(subscriber);
    Client::connect(broker.address, kept("s"))
        .await
        .expect_nothing()
        .await;
    broker.stop().await;
}

#[tokio::test]
async fn what_was_begun_does_not_expire() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, kept("s")).await;
    // A plain session too: its messages do not wait in a queue first.
    subscriber.subscribe(&topic, 2).await;
    let mut publisher = Client::connect(broker.address, Hello::v5("p")).await;
    let publish = publisher.publish_packet(0x04, &topic, 1, b"\x02\0\0\0\x01", b"x");
    publisher.send(&publish).await;
    publisher.expect(b"\x50\x02\0\x01").await;
    publisher.release(1).await;
    let got = subscriber.message().await;
    assert_eq!(
        (got.first, got.properties.as_slice()),
        (0x34, &b"\x02\0\0\0\x01"[..])
    );
    drop(subscriber);
    let again = loop {
        let mut subscriber = Client::connect(broker.address, kept("s")).await;
        let again = subscriber.message().await;
        assert_eq!((again.first, again.id), (0x3c, got.id));
        if again.properties == b"\x02\0\0\0\0" {
            break again;
        }
    };
    assert_eq!(again.payload, b"x");
    broker.stop().await;
}

#[tokio::test]
async fn a_qos_of_a_group_member_is_its_own() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut member = Client::connect(broker.address, Hello::v4("m")).await;
    assert_eq!(member.subscribe(&format!("$share/g/{topic}"), 0).await, 0);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x02, &topic, 1, b"x").await;
    assert_eq!(member.message().await.first, 0x30);
    broker.stop().await;
}

#[tokio::test]
async fn what_was_begun_is_for_nobody_when_its_session_ends() {
    let broker = Broker::start().await;
    let topic = topic("");
    let shared = format!("$share/g/{topic}");
    let mut first = Client::connect(broker.address, kept("1")).await;
    first.subscribe(&shared, 2).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x04, &topic, 1, b"x").await;
    publisher.release(1).await;
    first.message().await;
    let mut second = Client::connect(broker.address, Hello::v5("2")).await;
    second.subscribe(&shared, 2).await;
    drop(first);
    let mut first = Client::connect(broker.address, Hello::v5("1")).await;
    first.expect_nothing().await;
    second.expect_nothing().await;
    broker.stop().await;
}
