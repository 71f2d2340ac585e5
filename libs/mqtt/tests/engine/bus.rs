//! Messages between MQTT and the bus, and from shard to shard.

use std::time::Duration;

use bytes::Bytes;
use messaging::{Filter, LiveLimits, Message, Overflow, Protocol, live_queue};
use model::{Subtopic, Timestamp};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{PubAckReason, PublishProperties};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::broker::{Broker, thing};
use crate::client::{Client, options};
use crate::topic;

#[tokio::test]
async fn every_subscriber_in_every_shard_gets_each_message_once() {
    let broker = Broker::start().await;
    let (_, topic) = topic("/a");
    let mut subscribers = Vec::new();
    for n in 0..12 {
        let mut subscriber = Client::connect(options(broker.address, "t", &format!("s{n}"))).await;
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][n % 3];
        subscriber.subscribe(&topic, qos).await;
        subscribers.push(subscriber);
    }
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    for n in 0..30 {
        match n % 3 {
            0 => publisher.send(&topic, &n.to_string()).await,
            1 => assert_eq!(
                publisher.publish(&topic, &n.to_string()).await,
                PubAckReason::Success
            ),
            _ => publisher.publish_twice_safe(&topic, &n.to_string()).await,
        }
    }
    for subscriber in &mut subscribers {
        for n in 0..30 {
            assert_eq!(subscriber.text().await, n.to_string());
        }
        subscriber.expect_nothing().await;
    }
    drop(subscribers);
    broker.stop().await;
}

#[tokio::test]
async fn what_other_protocols_publish_arrives_with_its_content_type() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("/room/1");
    let mut subscriber = Client::connect(options(broker.address, "t", "s")).await;
    subscriber.subscribe(&topic, QoS::ExactlyOnce).await;
    let subtopic = Subtopic::from_levels("room.1").unwrap();
    let payload = Bytes::from_static(b"21.5");
    let mut message = Message::new(channel, subtopic, thing("h"), Protocol::Http, payload);
    message.content_type = "text/plain".to_owned();
    broker.buses.messages.publish(message.into()).await.unwrap();
    let got = subscriber.message().await;
    assert_eq!(
        (got.topic.as_ref(), got.payload.as_ref()),
        (topic.as_bytes(), &b"21.5"[..])
    );
    assert_eq!(got.qos, QoS::AtLeastOnce, "the lower of 1 and 2");
    assert_eq!(
        got.properties.unwrap().content_type.as_deref(),
        Some("text/plain")
    );
    broker.stop().await;
}

#[tokio::test]
async fn what_mqtt_publishes_is_on_the_bus_with_all_that_belongs_to_it() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("/a//b/ct/application_senml-json");
    let (sender, mut queue) = live_queue(LiveLimits {
        messages: 10,
        bytes: 10_000,
        overflow: Overflow::Cut,
    });
    let filter = Filter::Channel(channel);
    let _live = broker.buses.messages.live(filter, &sender).await.unwrap();
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    let properties = PublishProperties {
        message_expiry_interval: Some(100),
        user_properties: vec![("k".to_owned(), "v".to_owned())],
        ..PublishProperties::default()
    };
    publisher
        .publish_with(&topic, "[]", false, properties)
        .await;
    let message = queue.recv().await.unwrap();
    assert_eq!((message.channel, message.publisher), (channel, thing("p")));
    assert_eq!(
        (message.subtopic.as_str(), message.protocol.as_str()),
        ("a.b", "mqtt")
    );
    assert_eq!(message.content_type, "application/senml+json");
    assert_eq!(message.topic.as_deref(), Some(topic.as_str()));
    assert_eq!((message.qos, message.retain), (1, false));
    let left = message.expires.unwrap().since(Timestamp::now());
    assert!(
        left > Duration::from_secs(90) && left <= Duration::from_secs(100),
        "{left:?}"
    );
    let user = &message.properties.as_ref().unwrap().user;
    assert_eq!(user, &[("k".to_owned(), "v".to_owned())]);
    broker.stop().await;
}

#[tokio::test]
async fn a_connection_may_come_in_by_any_stream() {
    let broker = Broker::start().await;
    let (ours, mut theirs) = tokio::io::duplex(1000);
    broker.link.attach(ours, broker.address);
    theirs
        .write_all(b"\x10\x13\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x01u\0\x01p\xc0\0")
        .await
        .unwrap();
    let mut answer = [0; 6];
    theirs.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x20\x02\0\0\xd0\0");
    broker.stop().await;
}
