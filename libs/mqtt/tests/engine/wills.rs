//! What is published when a client goes without a word.

use std::time::Duration;

use messaging::Entry;
use mqtt::{Config, Reason};
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, LastWillProperties};
use tokio::time::timeout;

use crate::broker::Broker;
use crate::client::{Client, DEADLINE, options, persistent};
use crate::{copy, topic};

pub(crate) fn with_will(mut options: MqttOptions, topic: &str, delay: Option<u32>) -> MqttOptions {
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
    // The end of its session does not wait for the delay.
    let mut short = persistent(broker.address, "t", "short");
    short.set_session_expiry_interval(Some(1));
    drop(Client::connect(with_will(short, &topic, Some(1000))).await);
    assert_eq!(witness.text().await, "gone");
    broker.stop().await;
}

#[tokio::test]
async fn a_will_outlives_the_server_unless_its_client_is_back_in_time() {
    let config = || Config {
        node_timeout: Duration::from_millis(900),
        ..Config::default()
    };
    for killed in [true, false] {
        let data = tempfile::tempdir().unwrap();
        let broker = Broker::on(data.path(), config()).await;
        let (_, topic) = topic("/status");
        let session = |id: &str| persistent(broker.address, "t", id);
        let connect = |options, tail: &str| {
            let will = with_will(options, &format!("{topic}/{tail}"), None);
            Client::connect(will)
        };
        let mut clean = connect(options(broker.address, "t", "clean"), "clean").await;
        let mut kept = connect(session("kept"), "kept").await;
        let mut back = connect(session("back"), "back").await;
        let mut polite = connect(session("polite"), "polite").await;
        // Answered means stored: a session is stored before anything else of its client is looked at.
        for client in [&mut clean, &mut kept, &mut back, &mut polite] {
            client.expect_nothing().await;
        }
        polite.disconnect().await;
        let mut witness = Client::connect(persistent(broker.address, "w", "w")).await;
        let below = format!("{topic}/+");
        witness.subscribe(&below, QoS::AtLeastOnce).await;
        let copied = tempfile::tempdir().unwrap();
        copy(data.path(), copied.path());
        broker.stop().await;
        let data = if killed { &copied } else { &data };
        let broker = Broker::on(data.path(), config()).await;
        let _back = Client::connect(persistent(broker.address, "t", "back")).await;
        let mut witness = Client::connect(persistent(broker.address, "w", "w")).await;
        let mut gone = Vec::new();
        for _ in 0..2 {
            let message = witness.message().await;
            assert_eq!(message.payload.as_ref(), b"gone");
            gone.push(String::from_utf8(message.topic.to_vec()).unwrap());
        }
        gone.sort();
        assert_eq!(gone, [format!("{topic}/clean"), format!("{topic}/kept")]);
        // Another round of looking for dead nodes finds nothing more.
        let rounds = broker.buses.sessions.watch().await.unwrap();
        until_rounds(rounds, 4).await;
        witness.expect_nothing().await;
        broker.stop().await;
    }
}

/// Waits for so many signs of life.
async fn until_rounds(mut reports: tokio::sync::mpsc::Receiver<Entry>, count: usize) {
    let mut beats = 0;
    let rounds = async {
        while let Some(entry) = reports.recv().await {
            beats += usize::from(matches!(entry, Entry::Put(key, _) if key.starts_with("nodes/")));
            if beats > count {
                break;
            }
        }
    };
    timeout(DEADLINE, rounds).await.expect("the node lives");
}
