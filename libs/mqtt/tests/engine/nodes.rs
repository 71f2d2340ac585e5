//! Several nodes on one bus.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use mqtt::Reason;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use tokio::time::{Instant, sleep};

use crate::broker::Broker;
use crate::client::{Client, DEADLINE, options, persistent};
use crate::topic;
use crate::wills::with_will;

#[tokio::test]
async fn messages_and_retained_messages_are_everywhere() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let (_, topic) = topic("");
    let mut publisher = Client::connect(options(there.address, "p", "p")).await;
    publisher
        .publish_with(&topic, "kept", true, PublishProperties::default())
        .await;
    let deadline = Instant::now() + DEADLINE;
    let mut subscriber = loop {
        let mut subscriber = Client::connect(options(here.address, "t", "c")).await;
        subscriber.subscribe(&topic, QoS::ExactlyOnce).await;
        if subscriber.has_message().await {
            break subscriber;
        }
        assert!(
            Instant::now() < deadline,
            "the retained message does not come"
        );
    };
    assert_eq!(subscriber.text().await, "kept");
    publisher.publish(&topic, "live").await;
    assert_eq!(subscriber.text().await, "live");
    publisher.send(&topic, "fast").await;
    assert_eq!(subscriber.text().await, "fast");
    subscriber.expect_nothing().await;
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_session_goes_where_its_client_goes() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let ((_, first), (_, second)) = (topic(""), topic(""));
    let mut publisher = Client::connect(options(here.address, "p", "p")).await;
    let mut client = Client::connect(persistent(here.address, "t", "c")).await;
    client.subscribe(&first, QoS::AtLeastOnce).await;
    let mut moved = Client::connect(persistent(there.address, "t", "c")).await;
    assert!(moved.connack.session_present);
    assert_eq!(
        client.closed().await,
        Some(Reason::SessionTakenOver.as_u8())
    );
    publisher.publish(&first, "1").await;
    assert_eq!(moved.text().await, "1");
    moved.subscribe(&second, QoS::AtLeastOnce).await;
    moved.disconnect().await;
    publisher.publish(&second, "2").await;

    let mut back = Client::connect(persistent(here.address, "t", "c")).await;
    assert!(back.connack.session_present);
    assert_eq!(
        back.text().await,
        "2",
        "what was subscribed to over there counts"
    );
    back.expect_nothing().await;
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_session_does_not_end_where_its_client_has_left() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let (_, topic) = topic("");
    let mut short = persistent(here.address, "t", "c");
    short.set_session_expiry_interval(Some(1));
    let mut client = Client::connect(short).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    client.disconnect().await;
    let mut moved = Client::connect(persistent(there.address, "t", "c")).await;
    assert!(moved.connack.session_present);
    // Long enough for the node it has left to lose patience.
    sleep(Duration::from_millis(1500)).await;
    let mut publisher = Client::connect(options(here.address, "p", "p")).await;
    publisher.publish(&topic, "still here").await;
    assert_eq!(moved.text().await, "still here");
    moved.disconnect().await;
    let again = Client::connect(persistent(there.address, "t", "c")).await;
    assert!(again.connack.session_present);
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_client_that_connects_elsewhere_is_cut_here_without_a_session_to_keep() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let mut other = Client::connect(options(here.address, "other", "c")).await;
    let mut client = Client::connect(options(here.address, "t", "c")).await;
    for round in 0..3 {
        let node = [&there, &here][round % 2];
        let newer = Client::connect(options(node.address, "t", "c")).await;
        assert_eq!(
            client.closed().await,
            Some(Reason::SessionTakenOver.as_u8())
        );
        client = newer;
    }
    client.expect_nothing().await;
    other.expect_nothing().await;
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn a_session_that_ends_by_a_clean_start_elsewhere_leaves_its_will() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let ((_, first), (_, second)) = (topic("/1"), topic("/2"));
    let mut watcher = Client::connect(options(here.address, "w", "w")).await;
    watcher.subscribe(&first, QoS::AtLeastOnce).await;
    watcher.subscribe(&second, QoS::AtLeastOnce).await;
    let delayed = |client_id: &str, topic: &str| {
        with_will(persistent(here.address, "t", client_id), topic, Some(3600))
    };
    // One of them is away when it happens.
    let mut connected = Client::connect(delayed("1", &first)).await;
    drop(Client::connect(delayed("2", &second)).await);
    for (client_id, topic) in [("1", &first), ("2", &second)] {
        Client::connect(options(there.address, "t", client_id))
            .await
            .disconnect()
            .await;
        assert_eq!(watcher.message().await.topic, topic.as_bytes());
    }
    assert_eq!(
        connected.closed().await,
        Some(Reason::SessionTakenOver.as_u8())
    );
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn of_many_connections_of_one_client_at_all_nodes_one_stays() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let (_, topic) = topic("");
    let connecting = (0..40).map(|number| {
        let address = [here.address, there.address][number % 2];
        Client::try_connect(options(address, "t", "c"))
    });
    let clients = join_all(connecting).await;
    let mut ends: FuturesUnordered<_> = clients
        .into_iter()
        .flatten()
        .map(|mut client| {
            let topic = &topic;
            async move {
                // It may be cut in the middle of that.
                client.begin_to_subscribe(topic).await;
                client.closed().await
            }
        })
        .collect();
    while ends.len() > 1 {
        let end = ends.next().await.unwrap();
        assert_eq!(end, Some(Reason::SessionTakenOver.as_u8()));
    }
    let last = Client::connect(options(here.address, "t", "c")).await;
    assert_eq!(
        ends.next().await,
        Some(Some(Reason::SessionTakenOver.as_u8())),
        "the one that was left"
    );
    last.disconnect().await;
    there.stop().await;
    here.stop().await;
}
