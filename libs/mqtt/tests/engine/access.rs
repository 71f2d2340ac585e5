//! Refusals, and rights that are lost while a client is connected.

use mqtt::{Config, Loss, Reason};
use rumqttc::v5::ConnectionError;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, PubAckReason, PublishProperties, SubscribeReasonCode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::broker::Broker;
use crate::client::{Client, options, persistent};
use crate::topic;

#[tokio::test]
async fn wrong_credentials_are_refused_in_words_of_the_version() {
    let broker = Broker::start().await;
    let mut wrong = options(broker.address, "t", "c");
    wrong.set_credentials("t", "wrong");
    match Client::try_connect(wrong).await {
        Err(ConnectionError::ConnectionRefused(code)) => {
            assert_eq!(code, ConnectReturnCode::BadUserNamePassword);
        }
        other => panic!("{:?}", other.err()),
    }
    for (connect, code) in [
        (
            &b"\x10\x17\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x01t\0\x05wrong"[..],
            4,
        ),
        (b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01c", 4),
        (b"\x10\x0c\0\x04MQTT\x07\x02\0\x3c\0\0", 1),
        (b"\x10\x12\0\x04MQTT\x04\xc0\0\x3c\0\0\0\x01t\0\x01k", 2),
    ] {
        let mut socket = TcpStream::connect(broker.address).await.unwrap();
        socket.write_all(connect).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, [0x20, 2, 0, code], "{connect:x?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn an_address_presents_wrong_credentials_so_often_in_a_second() {
    let broker = Broker::with(Config {
        max_failures_per_address: 2,
        ..Config::default()
    })
    .await;
    let connect = async |key: &str| {
        let mut options = options(broker.address, "t", "c");
        options.set_credentials("t", key);
        match Client::try_connect(options).await {
            Ok(_) => ConnectReturnCode::Success,
            Err(ConnectionError::ConnectionRefused(code)) => code,
            Err(other) => panic!("{other:?}"),
        }
    };
    // How many come in a second is the machine's business.
    let until = async |key: &str, meanwhile, wanted| {
        for _ in 0..10_000 {
            let code = connect(key).await;
            if code == wanted {
                return;
            }
            assert_eq!(code, meanwhile);
        }
        panic!("{wanted:?} never came");
    };
    let refused = ConnectReturnCode::ConnectionRateExceeded;
    until("wrong", ConnectReturnCode::BadUserNamePassword, refused).await;
    until("k", refused, ConnectReturnCode::Success).await;
    broker.stop().await;
}

#[tokio::test]
async fn without_a_right_there_is_a_reason_and_nothing_else() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("");
    broker.rights.deny("t", channel);
    let mut witness = Client::connect(options(broker.address, "w", "w")).await;
    witness.subscribe(&topic, QoS::AtLeastOnce).await;
    let mut client = Client::connect(options(broker.address, "t", "c")).await;
    for filter in [&topic, "#", "$SYS/#", "channels/+/messages"] {
        let reason = client.subscribe(filter, QoS::AtMostOnce).await;
        assert_eq!(reason, SubscribeReasonCode::NotAuthorized, "{filter}");
    }
    assert_eq!(
        client.publish(&topic, "x").await,
        PubAckReason::NotAuthorized
    );
    client.publish_unanswered(&topic, "x").await;
    assert_eq!(client.closed().await, Some(Reason::NotAuthorized.as_u8()));
    witness.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_older_client_without_a_right_is_cut_off_when_it_publishes() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("");
    broker.rights.deny("t", channel);
    let mut socket = TcpStream::connect(broker.address).await.unwrap();
    socket
        .write_all(b"\x10\x13\0\x04MQTT\x04\xc2\0\x3c\0\x01c\0\x01t\0\x01k")
        .await
        .unwrap();
    let length = u8::try_from(topic.len()).unwrap();
    let mut subscribe = vec![0x82, length + 5, 0, 1, 0, length];
    subscribe.extend(topic.as_bytes());
    subscribe.push(1);
    let mut publish = vec![0x32, length + 4, 0, length];
    publish.extend(topic.as_bytes());
    publish.extend([0, 2]);
    socket
        .write_all(&[subscribe, publish].concat())
        .await
        .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"\x20\x02\0\0\x90\x03\0\x01\x80");
    broker.stop().await;
}

#[tokio::test]
async fn a_lost_channel_ends_the_connection_and_leaves_the_session() {
    let broker = Broker::start().await;
    let (lost, lost_topic) = topic("");
    let (_, kept_topic) = topic("");
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    client.subscribe(&lost_topic, QoS::AtLeastOnce).await;
    client.subscribe(&kept_topic, QoS::AtLeastOnce).await;
    let mut other = Client::connect(options(broker.address, "o", "o")).await;
    broker.rights.deny("t", lost);
    broker.rights.take_away("t", Loss::Channel);
    assert_eq!(client.closed().await, Some(Reason::NotAuthorized.as_u8()));
    other.publish(&lost_topic, "secret").await;
    other.publish(&kept_topic, "fine").await;

    let mut again = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(again.connack.session_present);
    assert_eq!(again.text().await, "fine");
    again.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_thing_that_is_gone_leaves_no_session() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    broker.rights.take_away("t", Loss::Thing);
    assert_eq!(
        client.closed().await,
        Some(Reason::AdministrativeAction.as_u8())
    );
    let again = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(!again.connack.session_present);
    broker.stop().await;
}

#[tokio::test]
async fn a_changed_key_ends_the_connection_and_keeps_the_session() {
    let broker = Broker::start().await;
    let (_, topic) = topic("");
    let mut client = Client::connect(persistent(broker.address, "t", "c")).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    broker.rights.take_away("t", Loss::Credentials);
    assert_eq!(
        client.closed().await,
        Some(Reason::AdministrativeAction.as_u8())
    );
    let again = Client::connect(persistent(broker.address, "t", "c")).await;
    assert!(again.connack.session_present);
    broker.stop().await;
}

#[tokio::test]
async fn cve_2018_12546_a_retained_message_does_not_outlive_the_right_to_publish_it() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("");
    for (user, tail) in [("p", "/lost"), ("q", "/kept")] {
        let mut publisher = Client::connect(options(broker.address, user, user)).await;
        let topic = format!("{topic}{tail}");
        publisher
            .publish_with(&topic, user, true, PublishProperties::default())
            .await;
    }
    broker.rights.deny("p", channel);
    let mut subscriber = Client::connect(options(broker.address, "t", "c")).await;
    let all = format!("{topic}/#");
    subscriber.subscribe(&all, QoS::AtLeastOnce).await;
    assert_eq!(subscriber.text().await, "q");
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn cve_2021_34434_a_right_withdrawn_while_a_client_is_away_is_gone_when_it_is_back() {
    let broker = Broker::start().await;
    let (channel, topic) = topic("");
    let away = || persistent(broker.address, "t", "c");
    let mut client = Client::connect(away()).await;
    client.subscribe(&topic, QoS::AtLeastOnce).await;
    client.disconnect().await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    publisher.publish(&topic, "queued").await;
    broker.rights.deny("t", channel);
    let mut client = Client::connect(away()).await;
    assert!(client.connack.session_present);
    publisher.publish(&topic, "live").await;
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn what_was_begun_is_not_repeated_to_a_client_that_has_lost_the_right() {
    let broker = Broker::start().await;
    let ((lost, lost_topic), (_, kept_topic)) = (topic(""), topic(""));
    let silent = || {
        let mut options = persistent(broker.address, "t", "c");
        options.set_manual_acks(true);
        options
    };
    let mut client = Client::connect(silent()).await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    for (topic, qos) in [
        (&lost_topic, QoS::ExactlyOnce),
        (&kept_topic, QoS::AtLeastOnce),
    ] {
        client.subscribe(topic, qos).await;
        publisher.publish_twice_safe(topic, topic).await;
        assert_eq!(client.text().await, *topic);
    }
    drop(client);
    broker.rights.deny("t", lost);
    let mut client = Client::connect(silent()).await;
    let again = client.message().await;
    assert!(again.dup && again.payload == kept_topic.as_bytes());
    client.expect_nothing().await;
    broker.stop().await;
}
