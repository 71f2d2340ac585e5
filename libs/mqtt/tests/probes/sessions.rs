//! What else a persistent session must not do.

use crate::broker::Broker;
use crate::client::{Client, Hello};
use crate::topic;

fn persistent(client_id: &str) -> Hello<'_> {
    Hello {
        clean: false,
        ..Hello::v4(client_id)
    }
}

#[tokio::test]
async fn a_refused_message_of_qos_2_does_not_keep_its_identifier() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 0).await;
    let mut older = Client::connect(broker.address, persistent("c")).await;
    let bad = older.publish_packet(0x04, "no/channel/of/ours", 1, &[], b"x");
    older.send(&bad).await;
    older.closed().await;
    let older = Client::connect(broker.address, persistent("c")).await;
    let mut newer = Client::connect(broker.address, Hello::v5("n")).await;
    let bad = newer.publish_packet(0x04, "no/channel/of/ours", 1, &[], b"x");
    newer.send(&bad).await;
    newer.expect(&[0x50, 3, 0, 1, 0x87]).await;
    for mut client in [older, newer] {
        client.publish(0x04, &topic, 1, b"x").await;
        client.release(1).await;
        assert_eq!(subscriber.message().await.payload, b"x");
    }
    broker.stop().await;
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_within_the_new_receive_maximum() {
    let broker = Broker::start().await;
    let topic = topic("");
    let first = Hello {
        properties: b"\x11\0\0\x01\0",
        clean: false,
        ..Hello::v5("s")
    };
    let mut subscriber = Client::connect(broker.address, first).await;
    assert_eq!(subscriber.subscribe(&topic, 1).await, 1);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for n in 1..=5 {
        publisher.publish(0x02, &topic, n, &n.to_be_bytes()).await;
        subscriber.message().await;
    }
    drop(subscriber);
    let second = Hello {
        properties: b"\x11\0\0\x01\0\x21\0\x02",
        ..first
    };
    let mut subscriber = Client::connect(broker.address, second).await;
    let mut got = Vec::new();
    for _ in 0..2 {
        let message = subscriber.message().await;
        assert_eq!(message.first, 0x3a, "sent again means marked as such");
        got.push(message);
    }
    subscriber.expect_nothing().await;
    for n in 1..=5 {
        let message = got.remove(0);
        assert_eq!(message.payload, u16::to_be_bytes(n));
        subscriber.puback(message.id).await;
        if n <= 3 {
            got.push(subscriber.message().await);
        }
    }
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn what_the_client_cannot_take_any_more_does_not_hold_up_the_rest() {
    let broker = Broker::start().await;
    let topic = topic("");
    let first = Hello {
        properties: b"\x11\0\0\x01\0\x21\0\x01",
        clean: false,
        ..Hello::v5("s")
    };
    let mut subscriber = Client::connect(broker.address, first).await;
    assert_eq!(subscriber.subscribe(&topic, 1).await, 1);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x02, &topic, 1, &[7; 2000]).await;
    assert_eq!(subscriber.message().await.payload.len(), 2000);
    drop(subscriber);
    let second = Hello {
        properties: b"\x11\0\0\x01\0\x21\0\x01\x27\0\0\x04\0",
        ..first
    };
    let mut subscriber = Client::connect(broker.address, second).await;
    publisher.publish(0x02, &topic, 2, b"small").await;
    assert_eq!(subscriber.message().await.payload, b"small");
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_must_wait_is_not_taken_for_silent_nor_forgotten() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, persistent("s")).await;
    assert_eq!(subscriber.subscribe(&topic, 1).await, 1);
    drop(subscriber);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for n in 1..=3 {
        publisher.publish(0x02, &topic, n, &n.to_be_bytes()).await;
    }
    let (mut subscriber, answer) = Client::hello(broker.address, persistent("s")).await;
    assert_eq!(answer, b"\x20\x02\x01\0");
    for n in 1..=3_u16 {
        let message = subscriber.message().await;
        assert_eq!(message.payload, n.to_be_bytes());
        subscriber.puback(message.id).await;
    }
    // An empty session is a new one.
    drop(subscriber);
    let (_, answer) = Client::hello(broker.address, Hello::v4("s")).await;
    assert_eq!(answer, b"\x20\x02\0\0");
    broker.stop().await;
}
