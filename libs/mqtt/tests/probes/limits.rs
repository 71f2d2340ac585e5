//! What a client may cost, and what it may not be blamed for.

use crate::broker::{Broker, SLOW};
use crate::client::{Client, Hello};
use crate::topic;

#[tokio::test]
async fn a_client_that_has_to_wait_is_not_silent() {
    let broker = Broker::start().await;
    let hello = Hello {
        keep_alive: 1,
        ..Hello::v4("c")
    };
    let mut client = Client::connect(broker.address, hello).await;
    client
        .publish(0x02, &format!("channels/{SLOW}/messages"), 1, b"x")
        .await;
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_is_silent_is_closed() {
    let broker = Broker::start().await;
    let hello = Hello {
        keep_alive: 1,
        ..Hello::v5("c")
    };
    let mut client = Client::connect(broker.address, hello).await;
    assert_eq!(client.closed().await, Some(0x8d));
    broker.stop().await;
}

#[tokio::test]
async fn a_connect_of_any_size_is_not_waited_for() {
    let broker = Broker::start().await;
    // It announces 512 KiB, which would fit as any other packet.
    let mut client = Client::open(broker.address).await;
    client.send(b"\x10\x80\x80\x20\0\x04MQTT\x05").await;
    assert_eq!(client.closed().await, None);
    broker.stop().await;
}

#[tokio::test]
async fn an_alias_of_a_topic_that_leads_nowhere_is_not_set() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    let alias: &[u8] = b"\x23\0\x01";
    for (topic, reason) in [
        (topic.as_str(), None),
        ("", None),
        ("no/channel", Some(0x87)),
    ] {
        let publish = client.publish_packet(0x02, topic, 1, alias, b"x");
        client.send(&publish).await;
        let answer = client.recv().await;
        assert_eq!((answer[0], answer.get(4).copied()), (0x40, reason));
    }
    let publish = client.publish_packet(0x02, "", 1, alias, b"x");
    client.send(&publish).await;
    assert_eq!(client.closed().await, Some(0x82));
    broker.stop().await;
}
