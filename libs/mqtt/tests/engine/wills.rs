//! What is published when a client goes without a word.

use mqtt::Reason;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, LastWillProperties};

use crate::broker::Broker;
use crate::client::{Client, options, persistent};
use crate::topic;

fn with_will(mut options: MqttOptions, topic: &str, delay: Option<u32>) -> MqttOptions {
    let properties = LastWillProperties {
        delay_interval: delay,
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: Some("text/plain".to_owned()),
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    };
    options.set_last_will(LastWill::new(
        topic,
        "gone",
        QoS::AtLeastOnce,
        false,
        Some(properties),
    ));
    options
}

#[tokio::test]
async fn a_will_is_published_when_a_client_vanishes_and_not_when_it_says_goodbye() {
    let broker = Broker::start().await;
    let (_, topic) = topic("/status");
    let mut witness = Client::connect(options(broker.address, "w", "w")).await;
    witness.subscribe(&topic, QoS::AtLeastOnce).await;
    let polite = Client::connect(with_will(options(broker.address, "t", "a"), &topic, None)).await;
    polite.disconnect().await;
    witness.expect_nothing().await;
    drop(Client::connect(with_will(options(broker.address, "t", "b"), &topic, None)).await);
    let got = witness.message().await;
    assert_eq!(got.payload.as_ref(), b"gone");
    assert_eq!(
        got.properties.unwrap().content_type.as_deref(),
        Some("text/plain")
    );
    broker.stop().await;
}

#[tokio::test]
async fn a_will_needs_the_right_to_publish_it() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("");
    broker.rights.deny("t", channel);
    let mut witness = Client::connect(options(broker.address, "w", "w")).await;
    witness.subscribe(&topic, QoS::AtLeastOnce).await;
    // The second connection makes sure that the first has ended altogether.
    let will = || with_will(options(broker.address, "t", "c"), &topic, None);
    let mut first = Client::connect(will()).await;
    let second = Client::connect(options(broker.address, "t", "c")).await;
    assert_eq!(first.closed().await, Some(Reason::SessionTakenOver.as_u8()));
    second.disconnect().await;
    witness.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_delayed_will_is_for_those_who_do_not_come_back() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut witness = Client::connect(options(broker.address, "w", "w")).await;
    witness.subscribe(&topic, QoS::AtLeastOnce).await;
    let will = |seconds| with_will(persistent(broker.address, "t", "c"), &topic, Some(seconds));
    drop(Client::connect(will(1000)).await);
    let back = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(back.connack.session_present);
    drop(back);
    witness.expect_nothing().await;
    drop(Client::connect(will(1)).await);
    assert_eq!(witness.text().await, "gone");
    broker.stop().await;
}
