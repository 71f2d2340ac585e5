//! The beginning and the end of connections.

use std::time::Duration;

use mqtt::{Config, Reason};
use rumqttc::v5::ConnectionError;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::ConnectReturnCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::broker::Broker;
use crate::client::{Client, DEADLINE, options};
use crate::topic;

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let broker = Broker::start().await;
    let mut client = Client::connect(options(broker.address, "t", "c")).await;
    let (stopped, reason) = tokio::join!(broker.stop(), client.closed());
    let () = stopped;
    assert_eq!(reason, Some(Reason::ServerShuttingDown.as_u8()));
}

#[tokio::test]
async fn who_says_nothing_is_closed_and_so_is_who_stops_in_the_middle() {
    let config = Config {
        connect_timeout: Duration::from_millis(200),
        ..Config::default()
    };
    let broker = Broker::with(config).await;
    for start in [&b""[..], b"\x10", b"\x10\x13\0\x04MQ"] {
        let mut socket = TcpStream::connect(broker.address).await.unwrap();
        socket.write_all(start).await.unwrap();
        let mut byte = [0];
        let read = timeout(DEADLINE, socket.read(&mut byte))
            .await
            .expect("still open");
        assert_eq!(read.unwrap_or(0), 0);
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_silent_client_is_closed_after_one_and_a_half_keep_alives() {
    let broker = Broker::start().await;
    let mut socket = TcpStream::connect(broker.address).await.unwrap();
    let start = Instant::now();
    socket
        .write_all(b"\x10\x14\0\x04MQTT\x05\xc2\0\x01\0\0\x01c\0\x01t\0\x01k")
        .await
        .unwrap();
    let mut answer = Vec::new();
    timeout(DEADLINE, socket.read_to_end(&mut answer))
        .await
        .expect("still open")
        .unwrap();
    assert!(start.elapsed() >= Duration::from_millis(1500));
    let reason = answer
        .windows(3)
        .any(|bytes| bytes[0] == 0xe0 && bytes[2] == 0x8d);
    assert!(reason, "{answer:x?}");
    broker.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let config = Config {
        max_connections: 1,
        ..Config::default()
    };
    let broker = Broker::with(config).await;
    let first = Client::connect(options(broker.address, "t", "a")).await;
    match Client::try_connect(options(broker.address, "t", "b")).await {
        Err(ConnectionError::ConnectionRefused(code)) => {
            assert_eq!(code, ConnectReturnCode::QuotaExceeded);
        }
        other => panic!("{:?}", other.err()),
    }
    first.disconnect().await;
    let deadline = Instant::now() + DEADLINE;
    while Client::try_connect(options(broker.address, "t", "b"))
        .await
        .is_err()
    {
        assert!(Instant::now() < deadline, "the place is not free again");
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_only_its_own_messages() {
    let config = Config {
        max_output_bytes: 64 * 1024,
        max_queued_messages: 100,
        ..Config::default()
    };
    let broker = Broker::with(config).await;
    let (_, topic) = topic("");
    let mut stuck = TcpStream::connect(broker.address).await.unwrap();
    stuck
        .write_all(b"\x10\x13\0\x04MQTT\x04\xc2\0\0\0\x01c\0\x01t\0\x01k")
        .await
        .unwrap();
    let length = u8::try_from(topic.len()).unwrap();
    let mut subscribe = vec![0x82, length + 5, 0, 1, 0, length];
    subscribe.extend(topic.as_bytes());
    subscribe.push(0);
    stuck.write_all(&subscribe).await.unwrap();
    let mut answers = [0; 9];
    stuck.read_exact(&mut answers).await.unwrap();

    let mut reader = Client::connect(options(broker.address, "t", "r")).await;
    reader.subscribe(&topic, QoS::AtLeastOnce).await;
    let mut publisher = Client::connect(options(broker.address, "p", "p")).await;
    let payload = "x".repeat(10_000);
    for _ in 0..2_000 {
        publisher.publish(&topic, &payload).await;
        assert_eq!(reader.text().await.len(), payload.len());
    }
    // It is still there, and got less than was sent.
    stuck.write_all(b"\xc0\0").await.unwrap();
    let mut got = 0;
    let mut buffer = vec![0; 65_536];
    loop {
        let read = timeout(DEADLINE, stuck.read(&mut buffer))
            .await
            .expect("no answer")
            .unwrap();
        got += read;
        if buffer[..read].ends_with(b"\xd0\0") {
            break;
        }
    }
    assert!(got < 2_000 * payload.len(), "{got}");
    broker.stop().await;
}
