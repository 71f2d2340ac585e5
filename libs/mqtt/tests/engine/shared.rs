//! Shared subscriptions: each message goes to one member of the group.

use std::collections::HashMap;

use mqtt::{Config, Reason};
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{PublishProperties, SubscribeReasonCode};

use crate::broker::Broker;
use crate::client::{Client, options, persistent};
use crate::topic;

/// A client that acknowledges nothing by itself.
fn silent(mut options: MqttOptions) -> MqttOptions {
    options.set_manual_acks(true);
    options
}

async fn member(options: MqttOptions, filter: &str, qos: QoS) -> Client {
    let mut member = Client::connect(options).await;
    let granted = member.subscribe(&format!("$share/g/{filter}"), qos).await;
    assert_eq!(granted, SubscribeReasonCode::Success(qos));
    member
}

async fn publish(broker: &Broker, topic: &str, numbers: std::ops::Range<u32>) {
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    for n in numbers {
        publisher.publish(topic, &n.to_string()).await;
    }
    publisher.disconnect().await;
}

/// Takes messages from all of these until each number has come, and counts how often.
async fn collect(clients: &mut [Client], total: usize) -> HashMap<String, usize> {
    let mut seen = HashMap::new();
    while seen.len() < total {
        let waiting = clients.iter_mut().map(|client| Box::pin(client.text()));
        let (text, ..) = futures_util::future::select_all(waiting).await;
        *seen.entry(text).or_default() += 1;
    }
    for client in clients {
        client.expect_nothing().await;
    }
    seen
}

#[tokio::test]
async fn each_message_goes_to_one_member_of_each_group() {
    let broker = Broker::start().await;
    let (_, topic) = topic("/a");
    let mut members = Vec::new();
    for name in ["1", "2", "3", "4"] {
        let options = options(broker.address, name, name);
        members.push(member(options, &topic, QoS::AtLeastOnce).await);
    }
    let mut other = Client::connect(options(broker.address, "o", "o")).await;
    other
        .subscribe(&format!("$share/other/{topic}"), QoS::AtMostOnce)
        .await;
    let mut plain = Client::connect(options(broker.address, "l", "l")).await;
    plain.subscribe(&topic, QoS::AtLeastOnce).await;
    publish(&broker, &topic, 0..100).await;
    let seen = collect(&mut members, 100).await;
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    for n in 0..100 {
        assert_eq!(plain.text().await, n.to_string());
    }
    assert_eq!(collect(&mut [other], 100).await.len(), 100);
    plain.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn filters_of_one_group_name_are_groups_of_their_own() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let first = member(
        options(broker.address, "1", "1"),
        &format!("{topic}/#"),
        QoS::ExactlyOnce,
    )
    .await;
    let second = member(
        options(broker.address, "2", "2"),
        &format!("{topic}/+"),
        QoS::AtMostOnce,
    )
    .await;
    publish(&broker, &format!("{topic}/x"), 0..20).await;
    publish(&broker, &topic, 20..21).await;
    assert_eq!(collect(&mut [first], 21).await.len(), 21);
    assert_eq!(collect(&mut [second], 20).await.len(), 20);
    broker.stop().await;
}

#[tokio::test]
async fn what_a_member_has_not_acknowledged_goes_to_another_when_it_leaves() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let options_of = |name| silent(persistent(broker.address, name, name));
    let mut leaving = member(options_of("1"), &topic, QoS::AtLeastOnce).await;
    publish(&broker, &topic, 0..3).await;
    for n in 0..3 {
        assert_eq!(leaving.text().await, n.to_string());
    }
    let staying = member(options(broker.address, "2", "2"), &topic, QoS::AtLeastOnce).await;
    drop(leaving);
    assert_eq!(collect(&mut [staying], 3).await.len(), 3);
    let mut back = Client::connect(options_of("1")).await;
    assert!(back.connack.session_present);
    back.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn what_was_begun_with_qos_2_stays_with_its_client() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let options_of = |name| silent(persistent(broker.address, name, name));
    let mut leaving = member(options_of("1"), &topic, QoS::ExactlyOnce).await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher.publish_twice_safe(&topic, "begun").await;
    assert_eq!(leaving.text().await, "begun");
    let mut staying = member(options(broker.address, "2", "2"), &topic, QoS::ExactlyOnce).await;
    drop(leaving);
    let mut back = Client::connect(options_of("1")).await;
    assert!(back.connack.session_present);
    let again = back.message().await;
    assert_eq!((again.payload.as_ref(), again.dup), (&b"begun"[..], true));
    staying.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_member_that_is_full_is_passed_over() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut narrow = silent(options(broker.address, "1", "1"));
    narrow.set_receive_maximum(Some(1));
    let mut narrow = member(narrow, &topic, QoS::AtLeastOnce).await;
    publish(&broker, &topic, 0..1).await;
    assert_eq!(narrow.text().await, "0");
    let wide = member(options(broker.address, "2", "2"), &topic, QoS::AtLeastOnce).await;
    publish(&broker, &topic, 1..30).await;
    assert_eq!(collect(&mut [wide], 29).await.len(), 29);
    narrow.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_group_keeps_messages_while_its_members_are_away_and_across_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (_, topic) = topic("");
    let broker = Broker::on(data.path(), Config::default()).await;
    let options_of = |broker: &Broker| persistent(broker.address, "1", "1");
    let away = member(options_of(&broker), &topic, QoS::AtLeastOnce).await;
    away.disconnect().await;
    publish(&broker, &topic, 0..3).await;
    broker.stop().await;

    let broker = Broker::on(data.path(), Config::default()).await;
    publish(&broker, &topic, 3..5).await;
    let back = Client::connect(options_of(&broker)).await;
    assert!(back.connack.session_present);
    assert_eq!(collect(&mut [back], 5).await.len(), 5);
    broker.stop().await;
}

#[tokio::test]
async fn a_group_ends_with_its_last_member() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let first = member(options(broker.address, "1", "1"), &topic, QoS::AtLeastOnce).await;
    first.disconnect().await;
    // The same client, so that its session before has ended by now.
    let mut second = Client::connect(options(broker.address, "1", "1")).await;
    publish(&broker, &topic, 0..3).await;
    let shared = format!("$share/g/{topic}");
    second.subscribe(&shared, QoS::AtLeastOnce).await;
    second.expect_nothing().await;
    publish(&broker, &topic, 3..4).await;
    assert_eq!(second.text().await, "3");
    second.unsubscribe(&shared).await;
    publish(&broker, &topic, 4..5).await;
    second.subscribe(&shared, QoS::AtLeastOnce).await;
    second.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_group_spans_the_nodes_of_a_bus() {
    let here = Broker::start().await;
    let there = here.beside().await;
    let (_, topic) = topic("");
    let first = member(options(here.address, "1", "1"), &topic, QoS::AtLeastOnce).await;
    let second = member(options(there.address, "2", "2"), &topic, QoS::AtLeastOnce).await;
    publish(&here, &topic, 0..20).await;
    publish(&there, &topic, 20..40).await;
    let seen = collect(&mut [first, second], 40).await;
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    there.stop().await;
    here.stop().await;
}

#[tokio::test]
async fn retained_messages_are_not_for_groups() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher
        .publish_with(&topic, "kept", true, PublishProperties::default())
        .await;
    let mut client = member(options(broker.address, "1", "1"), &topic, QoS::AtLeastOnce).await;
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn who_has_no_right_is_in_no_group() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("");
    broker.rights.deny("t", channel);
    let mut client = Client::connect(options(broker.address, "t", "t")).await;
    let shared = format!("$share/g/{topic}");
    let refused = client.subscribe(&shared, QoS::AtLeastOnce).await;
    assert_eq!(refused, SubscribeReasonCode::NotAuthorized);
    let refused = client.subscribe("$share/g", QoS::AtLeastOnce).await;
    assert_eq!(refused, SubscribeReasonCode::TopicFilterInvalid);

    let mut losing = member(
        persistent(broker.address, "1", "1"),
        &topic,
        QoS::AtLeastOnce,
    )
    .await;
    broker.rights.deny("1", channel);
    broker.rights.take_away("1", mqtt::Loss::Channel);
    assert_eq!(losing.closed().await, Some(Reason::NotAuthorized.as_u8()));
    publish(&broker, &topic, 0..1).await;
    let mut back = Client::connect(persistent(broker.address, "1", "1")).await;
    assert!(back.connack.session_present);
    back.expect_nothing().await;
    broker.stop().await;
}
