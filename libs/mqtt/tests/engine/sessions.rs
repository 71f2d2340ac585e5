//! Persistent sessions: queues, restarts, take-overs and expiry.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use messaging::{Bucket, Entry};
use mqtt::{Config, Reason};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::broker::Broker;
use crate::client::{Client, DEADLINE, options, persistent};
use crate::topic;

#[tokio::test]
async fn what_is_published_while_a_client_is_away_waits_for_it() {
    let broker = Broker::start().await;
    let (_, topic) = topic("/+");
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(!subscriber.connack.session_present);
    subscriber.subscribe(&topic, QoS::AtLeastOnce).await;
    subscriber.disconnect().await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    for n in 0..300 {
        publisher
            .publish(&topic.replace('+', "a"), &n.to_string())
            .await;
    }
    publisher
        .publish(&topic.replace("/+", ""), "another topic of the channel")
        .await;
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(subscriber.connack.session_present);
    for n in 0..300 {
        assert_eq!(subscriber.text().await, n.to_string());
    }
    publisher.publish(&topic.replace('+', "b"), "live").await;
    assert_eq!(subscriber.text().await, "live");
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_session_and_its_queue_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (_, topic) = topic("");
    let broker = Broker::on(data.path(), Config::default()).await;
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    subscriber.subscribe(&topic, QoS::ExactlyOnce).await;
    subscriber.disconnect().await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher.publish(&topic, "before").await;
    drop(publisher);
    broker.stop().await;

    let broker = Broker::on(data.path(), Config::default()).await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher.publish(&topic, "after").await;
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(subscriber.connack.session_present);
    assert_eq!(subscriber.text().await, "before");
    assert_eq!(subscriber.text().await, "after");
    subscriber.expect_nothing().await;
    subscriber.disconnect().await;
    broker.stop().await;

    let broker = Broker::on(data.path(), Config::default()).await;
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(subscriber.connack.session_present);
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_connects_again_takes_its_session_wherever_it_is() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    let mut namesake = Client::connect(options(broker.address, "other", "c")).await;
    let mut current = Client::connect(persistent(broker.address, "t", "c")).await;
    current.subscribe(&topic, QoS::AtLeastOnce).await;
    for n in 0..20 {
        let next = Client::connect(persistent(broker.address, "t", "c")).await;
        assert!(next.connack.session_present);
        assert_eq!(
            current.closed().await,
            Some(Reason::SessionTakenOver.as_u8())
        );
        current = next;
        publisher.publish(&topic, &n.to_string()).await;
        assert_eq!(current.text().await, n.to_string());
        // What is not acknowledged comes again.
        current.expect_nothing().await;
    }
    namesake.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn many_at_once_with_one_name_leave_one() {
    let broker = Broker::start().await;
    let connecting = (0..30).map(|_| Client::connect(persistent(broker.address, "t", "c")));
    let mut clients = futures_util::future::join_all(connecting).await;
    let mut open = 0;
    for client in &mut clients {
        let closed = tokio::time::timeout(Duration::from_millis(500), client.closed()).await;
        match closed {
            Ok(reason) => assert_eq!(reason, Some(Reason::SessionTakenOver.as_u8())),
            Err(_) => open += 1,
        }
    }
    assert_eq!(open, 1);
    broker.stop().await;
}

#[tokio::test]
async fn a_clean_start_forgets_what_was() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    client.disconnect().await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher.publish(&topic, "lost").await;
    Client::connect(options(broker.address, "t", "c"))
        .await
        .disconnect()
        .await;
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(!client.connack.session_present);
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_up() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let short = || {
        let mut short = persistent(broker.address, "t", "c");
        short.set_session_expiry_interval(Some(1));
        short
    };
    let mut client = Client::connect(short()).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    client.disconnect().await;
    let deadline = Instant::now() + DEADLINE;
    let key = loop {
        let mut stored = broker.buses.sessions.watch().await.unwrap();
        match stored.recv().await.unwrap() {
            messaging::Entry::Put(key, _) => break key,
            _ => assert!(Instant::now() < deadline, "the session is not stored"),
        }
    };
    while broker.buses.sessions.get(&key).await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "the session is still stored");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!Client::connect(short()).await.connack.session_present);
    broker.stop().await;
}

#[tokio::test]
async fn what_has_expired_in_the_queue_is_not_delivered() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    subscriber.subscribe(&topic, QoS::AtLeastOnce).await;
    subscriber.disconnect().await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    let expiring = |seconds| PublishProperties {
        message_expiry_interval: Some(seconds),
        ..PublishProperties::default()
    };
    publisher
        .publish_with(&topic, "short", false, expiring(1))
        .await;
    publisher
        .publish_with(&topic, "long", false, expiring(1000))
        .await;
    sleep(Duration::from_millis(1100)).await;
    let mut subscriber = Client::connect(persistent(broker.address, "t", "c")).await;
    let got = subscriber.message().await;
    assert_eq!(got.payload.as_ref(), b"long");
    let left = got.properties.unwrap().message_expiry_interval.unwrap();
    assert!((900..1000).contains(&left), "{left}");
    broker.stop().await;
}

#[tokio::test]
async fn a_retained_message_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (_, topic) = topic("");
    let broker = Broker::on(data.path(), Config::default()).await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher
        .publish_with(&topic, "kept", true, PublishProperties::default())
        .await;
    drop(publisher);
    broker.stop().await;
    let broker = Broker::on(data.path(), Config::default()).await;
    let mut subscriber = Client::connect(options(broker.address, "t", "c")).await;
    subscriber.subscribe(&topic, QoS::AtLeastOnce).await;
    let got = subscriber.message().await;
    assert_eq!((got.payload.as_ref(), got.retain), (&b"kept"[..], true));
    broker.stop().await;
}

/// A bucket that takes nothing until it is told to.
struct Busy {
    bucket: Arc<dyn Bucket>,
    takes: watch::Receiver<bool>,
}

#[async_trait]
impl Bucket for Busy {
    async fn get(&self, key: &str) -> model::Result<Option<Bytes>> {
        self.bucket.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes) -> model::Result<()> {
        let mut takes = self.takes.clone();
        takes.wait_for(|takes| *takes).await.unwrap();
        self.bucket.put(key, value).await
    }

    async fn delete(&self, key: &str) -> model::Result<()> {
        self.bucket.delete(key).await
    }

    async fn watch(&self) -> model::Result<mpsc::Receiver<Entry>> {
        self.bucket.watch().await
    }
}

#[tokio::test]
async fn a_session_that_is_taken_over_before_it_is_stored_goes_on() {
    let other = Broker::start().await;
    let (busy, takes) = watch::channel(true);
    let bucket = other.buses.sessions.clone();
    let broker = other.keeping(Arc::new(Busy { bucket, takes })).await;
    busy.send_replace(false);
    let first = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(!first.connack.session_present);
    let second = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(second.connack.session_present);
    busy.send_replace(true);
    broker.stop().await;
    other.stop().await;
}
