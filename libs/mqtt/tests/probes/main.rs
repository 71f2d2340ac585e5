//! Seventeen things that brokers get wrong, tried on sockets.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod bounds;
mod broker;
mod client;
mod connects;
mod hostile;
mod limits;
mod publishing;
mod quotas;
mod restarts;
mod sessions;
mod subscribing;

use std::collections::{HashMap, HashSet};

use model::ChannelId;

use broker::Broker;
use client::{Client, Hello};

/// A topic of a channel nobody else uses.
fn topic(tail: &str) -> String {
    format!("channels/{}/messages{tail}", ChannelId::random())
}

#[tokio::test]
async fn p01_keep_alive_zero_is_no_limit() {
    let broker = Broker::start().await;
    let hello = Hello {
        keep_alive: 0,
        ..Hello::v4("a")
    };
    let (mut client, answer) = Client::hello(broker.address, hello).await;
    assert_eq!(answer, b"\x20\x02\0\0");
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p02_an_empty_message_that_is_not_retained_removes_nothing() {
    let broker = Broker::start().await;
    let topic = topic("/a");
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x03, &topic, 1, b"before").await;
    publisher.publish(0x01, &topic, 0, b"kept").await;
    publisher.publish(0x02, &topic, 2, b"").await;
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    assert_eq!(subscriber.subscribe(&topic, 0).await, 0);
    let got = subscriber.message().await;
    assert_eq!((got.first, got.payload.as_slice()), (0x31, &b"kept"[..]));

    publisher.publish(0x03, &topic, 3, b"").await;
    let got = subscriber.message().await;
    assert_eq!((got.first, got.payload.as_slice()), (0x30, &b""[..]));
    let mut late = Client::connect(broker.address, Hello::v4("l")).await;
    late.subscribe(&topic, 0).await;
    late.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p03_the_qos_of_a_delivery_is_the_lower_of_both() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    assert_eq!(subscriber.subscribe(&topic, 2).await, 2);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x00, &topic, 0, b"0").await;
    assert_eq!(subscriber.message().await.first, 0x30);
    publisher.publish(0x02, &topic, 1, b"1").await;
    assert_eq!(subscriber.message().await.first, 0x32);
    assert_eq!(subscriber.subscribe(&topic, 0).await, 0);
    publisher.publish(0x04, &topic, 2, b"2").await;
    publisher.release(2).await;
    assert_eq!(subscriber.message().await.first, 0x30);
    broker.stop().await;
}

#[tokio::test]
async fn p04_an_alias_never_stands_for_another_topic() {
    let broker = Broker::start().await;
    let base = topic("");
    let hello = Hello {
        properties: b"\x22\0\x05",
        ..Hello::v5("s")
    };
    let mut subscriber = Client::connect(broker.address, hello).await;
    subscriber.subscribe(&format!("{base}/#"), 0).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    let mut aliases: HashMap<Vec<u8>, String> = HashMap::new();
    for tail in ["/a", "/b", "/a", "/b", "/c", "/a"] {
        let sent = format!("{base}{tail}");
        publisher.publish(0x02, &sent, 1, tail.as_bytes()).await;
        let got = subscriber.message().await;
        let alias = match got.properties.as_slice() {
            [0x23, alias @ ..] => Some(alias.to_vec()),
            _ => None,
        };
        let meant = if got.topic.is_empty() {
            aliases[&alias.unwrap()].clone()
        } else {
            if let Some(alias) = alias {
                aliases.insert(alias, got.topic.clone());
            }
            got.topic
        };
        assert_eq!((meant, got.payload.as_slice()), (sent, tail.as_bytes()));
    }
    broker.stop().await;
}

#[tokio::test]
async fn p05_the_receive_maximum_of_a_client_holds() {
    let broker = Broker::start().await;
    let topic = topic("");
    let hello = Hello {
        properties: b"\x21\0\x02",
        ..Hello::v5("s")
    };
    let mut subscriber = Client::connect(broker.address, hello).await;
    assert_eq!(subscriber.subscribe(&topic, 1).await, 1);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for n in 1..=5 {
        publisher.publish(0x02, &topic, n, &n.to_be_bytes()).await;
    }
    let first = subscriber.message().await;
    subscriber.message().await;
    subscriber.expect_nothing().await;
    subscriber.puback(first.id).await;
    assert_eq!(subscriber.message().await.payload, [0, 3]);
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p06_qos_2_delivers_once_whatever_is_repeated_in_whatever_order() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 0).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x04, &topic, 1, b"one").await;
    publisher.publish(0x0c, &topic, 1, b"one").await;
    publisher.publish(0x04, &topic, 2, b"two").await;
    publisher.release(2).await;
    publisher.release(1).await;
    publisher.release(1).await;
    assert_eq!(subscriber.message().await.payload, b"one");
    assert_eq!(subscriber.message().await.payload, b"two");
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p07_a_message_of_qos_2_is_released_after_a_reconnect() {
    let broker = Broker::start().await;
    let topic = topic("");
    let hello = Hello {
        clean: false,
        ..Hello::v4("p")
    };
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 0).await;
    let mut publisher = Client::connect(broker.address, hello).await;
    publisher.publish(0x04, &topic, 1, b"one").await;
    drop(publisher);
    let (mut publisher, answer) = Client::hello(broker.address, hello).await;
    assert_eq!(answer, b"\x20\x02\x01\0", "the session is gone");
    publisher.publish(0x0c, &topic, 1, b"one").await;
    publisher.release(1).await;
    assert_eq!(subscriber.message().await.payload, b"one");
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p08_acknowledgements_may_come_in_any_order() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 1).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        publisher.publish(0x02, &topic, n, b"x").await;
        ids.push(subscriber.message().await.id);
    }
    for at in [2, 0, 1] {
        subscriber.puback(ids[at]).await;
    }
    subscriber.expect_nothing().await;
    publisher.publish(0x02, &topic, 4, b"after").await;
    assert_eq!(subscriber.message().await.payload, b"after");
    broker.stop().await;
}

#[tokio::test]
async fn p09_unsubscribe_works_after_a_reconnect() {
    let broker = Broker::start().await;
    let topic = topic("/+");
    let hello = Hello {
        clean: false,
        ..Hello::v4("s")
    };
    let mut subscriber = Client::connect(broker.address, hello).await;
    subscriber.subscribe(&topic, 1).await;
    drop(subscriber);
    let (mut subscriber, answer) = Client::hello(broker.address, hello).await;
    assert_eq!(answer, b"\x20\x02\x01\0", "the session is gone");
    subscriber.unsubscribe(&[&topic]).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher
        .publish(0x02, &topic.replace('+', "a"), 1, b"x")
        .await;
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p10_unsubscribe_is_answered_for_a_filter_that_is_unknown() {
    let broker = Broker::start().await;
    let mut client = Client::connect(broker.address, Hello::v4("a")).await;
    client.unsubscribe(&[&topic("/never")]).await;
    client.unsubscribe(&["no/channel/of/ours"]).await;
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p11_unsubscribe_of_two_filters_is_answered_once() {
    let broker = Broker::start().await;
    let (one, two) = (topic("/1"), topic("/2"));
    let mut client = Client::connect(broker.address, Hello::v4("a")).await;
    client.subscribe(&one, 0).await;
    client.subscribe(&two, 0).await;
    client.unsubscribe(&[&one, &two]).await;
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p12_a_filter_that_is_none_is_refused() {
    let broker = Broker::start().await;
    let mut older = Client::connect(broker.address, Hello::v4("a")).await;
    let mut newer = Client::connect(broker.address, Hello::v5("b")).await;
    for tail in ["/#/a", "/a#", "/a+/b"] {
        assert_eq!(older.subscribe(&topic(tail), 0).await, 0x80, "{tail}");
        assert_eq!(newer.subscribe(&topic(tail), 0).await, 0x8f, "{tail}");
    }
    older.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p13_a_topic_name_with_a_wildcard_ends_the_connection() {
    let broker = Broker::start().await;
    let base = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&format!("{base}/#"), 0).await;
    for (n, tail) in ["/+", "/#", "/a+"].into_iter().enumerate() {
        let mut publisher = Client::connect(broker.address, Hello::v5(&format!("p{n}"))).await;
        let bad = publisher.publish_packet(0, &format!("{base}{tail}"), 0, &[], b"x");
        publisher.send(&bad).await;
        assert_eq!(publisher.closed().await, Some(0x90));
    }
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p14_all_of_many_retained_messages_are_sent() {
    let broker = Broker::start().await;
    let base = topic("");
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for n in 1..=300 {
        publisher
            .publish(0x03, &format!("{base}/{n}"), n, b"x")
            .await;
    }
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    assert_eq!(subscriber.subscribe(&format!("{base}/+"), 1).await, 1);
    let mut topics = HashSet::new();
    for _ in 0..300 {
        let got = subscriber.message().await;
        assert_eq!(got.first, 0x33);
        subscriber.puback(got.id).await;
        topics.insert(got.topic);
    }
    assert_eq!(topics.len(), 300);
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p15_properties_do_not_reach_older_clients() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut older = Client::connect(broker.address, Hello::v4("s")).await;
    older.subscribe(&topic, 1).await;
    let mut newer = Client::connect(broker.address, Hello::v5("n")).await;
    newer.subscribe(&topic, 0).await;
    let mut publisher = Client::connect(broker.address, Hello::v5("p")).await;
    let properties = b"\x26\0\x01k\0\x01v\x01\x01\x03\0\x01t";
    let sent = publisher.publish_packet(0x02, &topic, 1, properties, b"x");
    publisher.send(&sent).await;
    publisher.expect(b"\x40\x02\0\x01").await;
    assert_eq!(older.message().await.payload, b"x");
    older.expect_nothing().await;
    let got = newer.message().await;
    assert_eq!(
        (got.payload.as_slice(), got.properties.len()),
        (&b"x"[..], properties.len())
    );
    broker.stop().await;
}

#[tokio::test]
async fn p16_packets_of_servers_cost_only_their_sender() {
    let broker = Broker::start().await;
    let mut other = Client::connect(broker.address, Hello::v4("other")).await;
    for n in 0..20 {
        let hello = Hello::v5("same");
        let mut client = Client::connect(
            broker.address,
            if n % 2 == 0 { hello } else { Hello::v4("same") },
        )
        .await;
        let stray: &[u8] = if n % 4 < 2 {
            b"\x20\x03\0\0\0"
        } else {
            b"\xb0\x04\0\x01\0\0"
        };
        client.send(stray).await;
        client.closed().await;
    }
    other.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn p17_the_last_member_of_a_group_may_go_with_messages_unacknowledged() {
    let broker = Broker::start().await;
    let topic = topic("");
    let hello = Hello {
        properties: b"\x11\0\0\x01\0",
        ..Hello::v5("s")
    };
    let mut member = Client::connect(broker.address, hello).await;
    let granted = member.subscribe(&format!("$share/group/{topic}"), 1).await;
    assert_eq!(granted, 1);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x02, &topic, 1, b"x").await;
    member.message().await;
    drop(member);
    publisher.publish(0x02, &topic, 2, b"x").await;
    Client::connect(broker.address, Hello::v5("s"))
        .await
        .expect_nothing()
        .await;
    broker.stop().await;
}
