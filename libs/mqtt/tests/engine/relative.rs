//! Topics without a channel, for firmware that has no room for one.

use model::ChannelId;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    LastWill, PubAckReason, PublishProperties, SubscribeReasonCode, UnsubAckReason,
};

use crate::broker::Broker;
use crate::client::{Client, options, persistent};
use crate::topic;

async fn topic_of(client: &mut Client) -> (String, String) {
    let message = client.message().await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&message.topic), text(&message.payload))
}

fn pair(topic: &str, payload: &str) -> (String, String) {
    (topic.to_owned(), payload.to_owned())
}

#[tokio::test]
async fn a_relative_topic_is_below_the_default_channel_both_ways() {
    let broker = Broker::start().await;
    let (channel, below) = topic("/tele/lamp/STATE");
    broker.rights.set_default("t", channel);
    let mut lamp = Client::connect(options(broker.address, "t", "lamp")).await;
    let mut app = Client::connect(options(broker.address, "a", "app")).await;
    app.subscribe(&below, QoS::AtLeastOnce).await;
    lamp.subscribe("cmnd/lamp/+", QoS::AtLeastOnce).await;
    lamp.publish("tele/lamp/STATE", "on").await;
    assert_eq!(topic_of(&mut app).await, pair(&below, "on"));
    let command = format!("channels/{channel}/messages/cmnd/lamp/POWER");
    app.publish(&command, "off").await;
    app.send(&command, "on").await;
    assert_eq!(topic_of(&mut lamp).await, pair("cmnd/lamp/POWER", "off"));
    assert_eq!(topic_of(&mut lamp).await, pair("cmnd/lamp/POWER", "on"));
    // Written in full, it comes back in full.
    lamp.subscribe(&command, QoS::AtLeastOnce).await;
    app.publish(&command, "x").await;
    assert_eq!(topic_of(&mut lamp).await, pair(&command, "x"));
    broker.stop().await;
}

#[tokio::test]
async fn retained_messages_wills_and_queues_are_relative_too() {
    let broker = Broker::start().await;
    let (channel, below) = topic("/LWT");
    broker.rights.set_default("t", channel);
    let mut options_with_will = options(broker.address, "t", "lamp");
    options_with_will.set_last_will(LastWill::new(
        "LWT",
        "Offline",
        QoS::AtLeastOnce,
        true,
        None,
    ));
    let mut keeper = Client::connect(persistent(broker.address, "t", "keeper")).await;
    keeper.subscribe("#", QoS::AtLeastOnce).await;
    drop(keeper);
    let mut lamp = Client::connect(options_with_will).await;
    let properties = PublishProperties::default();
    lamp.publish_with("LWT", "Online", true, properties).await;
    let mut app = Client::connect(options(broker.address, "a", "app")).await;
    app.subscribe(&below, QoS::AtLeastOnce).await;
    assert_eq!(topic_of(&mut app).await, pair(&below, "Online"));
    drop(lamp);
    assert_eq!(topic_of(&mut app).await, pair(&below, "Offline"));
    let mut other = Client::connect(options(broker.address, "t", "other")).await;
    other.subscribe("+", QoS::AtMostOnce).await;
    assert_eq!(topic_of(&mut other).await, pair("LWT", "Offline"));
    let mut keeper = Client::connect(persistent(broker.address, "t", "keeper")).await;
    assert_eq!(topic_of(&mut keeper).await, pair("LWT", "Online"));
    assert_eq!(topic_of(&mut keeper).await, pair("LWT", "Offline"));
    broker.stop().await;
}

#[tokio::test]
async fn wildcards_do_not_reach_what_begins_with_a_dollar() {
    let broker = Broker::start().await;
    let (channel, _) = topic("");
    broker.rights.set_default("t", channel);
    let mut client = Client::connect(options(broker.address, "t", "c")).await;
    let mut keeper = Client::connect(persistent(broker.address, "t", "keeper")).await;
    for client in [&mut client, &mut keeper] {
        client.subscribe("#", QoS::AtLeastOnce).await;
        client.subscribe("+/x", QoS::AtLeastOnce).await;
        client.publish("$hidden/x", "1").await;
        client.expect_nothing().await;
        client.subscribe("$hidden/+", QoS::AtLeastOnce).await;
        client.publish("$hidden/x", "2").await;
        assert_eq!(topic_of(client).await, pair("$hidden/x", "2"));
        client.unsubscribe("#").await;
        client.unsubscribe("+/x").await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn without_a_default_channel_a_relative_topic_is_refused() {
    let broker = Broker::start().await;
    let mut client = Client::connect(options(broker.address, "t", "c")).await;
    let refused = SubscribeReasonCode::NotAuthorized;
    assert_eq!(client.subscribe("tele/#", QoS::AtMostOnce).await, refused);
    let refused = PubAckReason::NotAuthorized;
    assert_eq!(client.publish("tele/x", "1").await, refused);
    broker.stop().await;
}

#[tokio::test]
async fn relative_subscriptions_follow_the_default_channel() {
    let broker = Broker::start().await;
    let channels = [ChannelId::random(), ChannelId::random()];
    broker.rights.set_default("t", channels[0]);
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    client.subscribe("a", QoS::AtLeastOnce).await;
    drop(client);
    broker.rights.set_default("t", channels[1]);
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    client.expect_nothing().await;
    let mut app = Client::connect(options(broker.address, "a", "app")).await;
    for (channel, text) in channels.iter().zip(["old", "new"]) {
        let topic = format!("channels/{channel}/messages/a");
        app.publish(&topic, text).await;
    }
    assert_eq!(topic_of(&mut client).await, pair("a", "new"));
    client.expect_nothing().await;
    assert_eq!(client.unsubscribe("a").await, UnsubAckReason::Success);
    broker.stop().await;
}
