//! QoS 2 across a restart: the exchanges of a persistent session go on where they were, and nothing comes twice.

use crate::broker::Broker;
use crate::client::{Client, Hello};
use crate::topic;

fn persistent(client_id: &str) -> Hello<'_> {
    Hello {
        clean: false,
        ..Hello::v4(client_id)
    }
}

/// PUBREC, PUBREL or PUBCOMP.
fn ack(first: u8, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [first, 2, high, low]
}

/// A client whose session is there.
async fn back(broker: &Broker, client_id: &str) -> Client {
    let (client, connack) = Client::hello(broker.address, persistent(client_id)).await;
    assert_eq!(connack, [0x20, 2, 1, 0], "the session is there");
    client
}

#[tokio::test]
async fn what_was_received_and_not_released_is_not_published_again() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut keeper = Client::connect(broker.address, persistent("k")).await;
    assert_eq!(keeper.subscribe(&topic, 2).await, 2);
    let mut publisher = Client::connect(broker.address, persistent("p")).await;
    publisher.publish(0x04, &topic, 7, b"once").await;
    let broker = broker.restart().await;
    let mut publisher = back(&broker, "p").await;
    publisher.publish(0x0c, &topic, 7, b"once").await;
    publisher.release(7).await;
    let broker = broker.restart().await;
    let mut publisher = back(&broker, "p").await;
    publisher.publish(0x04, &topic, 7, b"another").await;
    publisher.release(7).await;
    let mut keeper = back(&broker, "k").await;
    for expected in ["once", "another"] {
        assert_eq!(keeper.message().await.payload, expected.as_bytes());
    }
    keeper.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn what_was_sent_comes_again_under_its_identifier_until_it_is_taken_and_never_after() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut keeper = Client::connect(broker.address, persistent("k")).await;
    assert_eq!(keeper.subscribe(&topic, 2).await, 2);
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for id in 1..=3 {
        publisher.publish(0x04, &topic, id, &id.to_be_bytes()).await;
        publisher.release(id).await;
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(keeper.message().await.id);
    }
    // The second is taken but not completed, the third altogether, the first not at all.
    for id in &ids[1..] {
        keeper.send(&ack(0x50, *id)).await;
        keeper.expect(&ack(0x62, *id)).await;
    }
    keeper.send(&ack(0x70, ids[2])).await;
    keeper.expect_nothing().await;
    let broker = broker.restart().await;
    let mut keeper = back(&broker, "k").await;
    keeper.expect(&ack(0x62, ids[1])).await;
    // A PUBCOMP may be forgotten: the client completes it once more.
    keeper.expect(&ack(0x62, ids[2])).await;
    for id in &ids[1..] {
        keeper.send(&ack(0x70, *id)).await;
    }
    let again = keeper.message().await;
    assert_eq!((again.id, again.payload), (ids[0], vec![0, 1]));
    keeper.send(&ack(0x50, ids[0])).await;
    keeper.expect(&ack(0x62, ids[0])).await;
    keeper.send(&ack(0x70, ids[0])).await;
    keeper.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_persistent_session_without_subscriptions_is_there_after_a_restart() {
    let broker = Broker::start().await;
    let mut client = Client::connect(broker.address, persistent("c")).await;
    client.expect_nothing().await;
    let broker = broker.restart().await;
    back(&broker, "c").await;
    broker.stop().await;
}
