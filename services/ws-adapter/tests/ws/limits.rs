//! What a client cannot do to the server.

use std::time::Duration;

use bytes::Bytes;
use config::Period;
use futures_util::SinkExt;
use messaging::{Message, Protocol};
use model::{Subtopic, ThingId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as Raw;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use ws_adapter::Config;

use crate::Ws;
use crate::client::{End, LONG, client};
use crate::stage::eventually;

fn code(end: &End) -> Option<u16> {
    match end {
        End::Closed(code, _) => Some(*code),
        End::Dropped => None,
    }
}

#[tokio::test]
async fn a_message_has_a_limit_in_one_frame_or_several() {
    let ws = Ws::with(Config {
        max_message_bytes: 100_000,
        ..Config::default()
    })
    .await;
    let mut fitting = ws.open("").await;
    fitting.send("x".repeat(100_000)).await;
    assert_eq!(fitting.receive().await.len(), 100_000);
    let mut large = ws.open("").await;
    large.send("x".repeat(100_001)).await;
    assert_eq!(code(&large.end().await), Some(1009));
    let mut many = ws.open("").await;
    let part = |opcode| {
        Frame::Frame(Raw::message(
            vec![b'x'; 60_000],
            OpCode::Data(opcode),
            false,
        ))
    };
    many.send(part(Data::Text)).await;
    many.send(part(Data::Continue)).await;
    assert_eq!(code(&many.end().await), Some(1009));
}

#[tokio::test]
async fn a_message_far_too_large_is_told_so_too() {
    let ws = Ws::with(Config {
        max_message_bytes: 1000,
        ..Config::default()
    })
    .await;
    let mut client = ws.open("").await;
    // The server stops reading long before this is written.
    let _written = tokio::time::timeout(
        Duration::from_secs(3),
        client.0.send(Frame::text("x".repeat(8_000_000))),
    )
    .await;
    assert_eq!(code(&client.end().await), Some(1009));
}

#[tokio::test]
async fn bytes_that_are_no_frames_close() {
    let ws = Ws::new().await;
    for (bytes, expected) in [
        (&[0xff; 14][..], 1002),
        (&b"\x81\x02hi"[..], 1002),
        (&b"\x81\x81\0\0\0\0\xff"[..], 1007),
    ] {
        let mut tcp = ws.open("").await.into_tcp();
        tcp.write_all(bytes).await.unwrap();
        assert_eq!(
            code(&client(tcp).await.end().await),
            Some(expected),
            "{bytes:?}"
        );
    }
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_given_up_when_it_does_not_answer() {
    let config = Config {
        ping_interval: Period::millis(50),
        pong_timeout: Period::millis(100),
        ..Config::default()
    };
    let ws = Ws::with(config).await;
    let mut answering = ws.open("").await;
    let mut tcp = ws.open("").await.into_tcp();
    // The library answers pings while it is read from.
    let answer = async {
        loop {
            assert!(!answering.receive().await.is_close());
        }
    };
    let mut frames = Vec::new();
    let silence = async {
        let read = tcp.read_to_end(&mut frames);
        tokio::time::timeout(LONG, read).await.unwrap().unwrap();
    };
    tokio::select! {
        () = answer => {}
        () = silence => {}
    }
    assert_eq!(
        frames[..4],
        [0x89, 0, 0x88, frames[3]],
        "a ping, then a close"
    );
    assert_eq!(frames[4..6], 3008_u16.to_be_bytes());
    answering.send("still here").await;
    assert_eq!(answering.receive().await, Frame::text("still here"));
}

#[tokio::test]
async fn a_slow_client_is_cut_off_and_the_others_are_not() {
    let config = Config {
        queue_messages: 50,
        write_timeout: Period::millis(500),
        ..Config::default()
    };
    let ws = Ws::with(config).await;
    let (mut slow, mut fast) = (ws.open_narrow("").await, ws.open("").await);
    let payload = Bytes::from(vec![b'x'; 100_000]);
    // Enough to fill all buffers of the network many times over.
    for _ in 0..400 {
        let message = Message::new(
            ws.channel,
            Subtopic::default(),
            ThingId::random(),
            Protocol::Http,
            payload.clone(),
        );
        ws.stage.adapter.publish(message).await.unwrap();
        assert_eq!(fast.receive().await.len(), payload.len());
    }
    eventually("only the fast one is left", async || {
        ws.stage.adapter.sessions() == 1
    })
    .await;
    assert!(matches!(
        slow.end().await,
        End::Closed(1013, _) | End::Dropped
    ));
}

#[tokio::test]
async fn a_client_that_pauses_too_long_is_told_why() {
    let config = Config {
        queue_messages: 10,
        ..Config::default()
    };
    let ws = Ws::with(config).await;
    let mut slow = ws.open_narrow("").await;
    let payload = Bytes::from(vec![b'x'; 100_000]);
    for _ in 0..200 {
        let message = Message::new(
            ws.channel,
            Subtopic::default(),
            ThingId::random(),
            Protocol::Http,
            payload.clone(),
        );
        ws.stage.adapter.publish(message).await.unwrap();
    }
    assert_eq!(code(&slow.end().await), Some(1013));
}

/// Wart W28: an abrupt end of the network left the subscription behind.
#[tokio::test]
async fn w28_nothing_is_left_of_a_client_that_vanished() {
    let ws = Ws::new().await;
    for _ in 0..50 {
        let tcp = ws.open("").await.into_tcp();
        tcp.set_zero_linger().unwrap();
    }
    eventually("all sessions are gone", async || {
        ws.stage.adapter.sessions() == 0
    })
    .await;
}
