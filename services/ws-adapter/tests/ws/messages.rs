//! What goes in and comes out.

use bytes::Bytes;
use messaging::{Filter, LiveLimits, Message, Overflow, Protocol, live_queue};
use model::{Subtopic, ThingId};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::client::{End, LONG};
use crate::{KEY, Ws};

impl Ws {
    /// Publishes as another protocol would.
    async fn publish(&self, subtopic: &str, content_type: &str, payload: &'static [u8]) {
        let subtopic = Subtopic::from_levels(subtopic).unwrap();
        let payload = Bytes::from_static(payload);
        let message = Message::new(
            self.channel,
            subtopic,
            ThingId::random(),
            Protocol::Http,
            payload,
        );
        let content_type = content_type.to_owned();
        self.stage
            .adapter
            .publish(Message {
                content_type,
                ..message
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_frame_becomes_a_message() {
    let ws = Ws::new().await;
    let (sender, mut queue) = live_queue(LiveLimits {
        messages: 8,
        bytes: 1024,
        overflow: Overflow::Cut,
    });
    let _guard = ws
        .stage
        .adapter
        .subscribe(Filter::Channel(ws.channel), &sender)
        .await
        .unwrap();
    let mut by_query = ws
        .open("/a%2Fb?content-type=application%2Fsenml%2Bjson")
        .await;
    by_query.send("on").await;
    let message = tokio::time::timeout(LONG, queue.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((message.channel, message.publisher), (ws.channel, ws.thing));
    assert_eq!(
        (message.subtopic.as_str(), &message.payload[..]),
        ("a.b", &b"on"[..])
    );
    assert_eq!(
        (message.content_type.as_str(), &message.protocol),
        ("application/senml+json", &Protocol::Ws)
    );
    let headers = [("authorization", KEY), ("content-type", "text/x")];
    let mut by_header = ws.open_with("?content-type=text%2Fy", &headers).await;
    by_header.send(vec![0xff, 0]).await;
    let message = tokio::time::timeout(LONG, queue.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (message.content_type.as_str(), &message.payload[..]),
        ("text/x", &[0xff, 0][..])
    );
}

#[tokio::test]
async fn everybody_gets_it_the_sender_too() {
    let ws = Ws::new().await;
    let (mut sender, mut other) = (ws.open("/room").await, ws.open("/room").await);
    sender.send("text").await;
    sender.send(vec![0xff]).await;
    for client in [&mut sender, &mut other] {
        assert_eq!(client.receive().await, Frame::text("text"));
        assert_eq!(client.receive().await, Frame::binary(vec![0xff]));
    }
}

#[tokio::test]
async fn frames_are_text_unless_the_message_is_not() {
    let ws = Ws::new().await;
    let mut client = ws.open("").await;
    ws.publish("", "application/octet-stream", b"text").await;
    ws.publish("", "application/senml+cbor", b"text").await;
    ws.publish("", "", b"\xff").await;
    ws.publish("", "", b"").await;
    assert_eq!(client.receive().await, Frame::text("text"));
    assert_eq!(client.receive().await, Frame::binary(&b"text"[..]));
    assert_eq!(client.receive().await, Frame::binary(vec![0xff]));
    assert_eq!(client.receive().await, Frame::text(""));
}

#[tokio::test]
async fn a_socket_gets_its_subtopic_and_a_wildcard_what_it_covers() {
    let ws = Ws::new().await;
    let tails = ["", "/a", "/*", "/%3E", "/a/*/c"];
    let mut clients = Vec::new();
    for tail in tails {
        clients.push(ws.open(tail).await);
    }
    for subtopic in ["", "a", "a.b", "a.b.c"] {
        ws.publish(subtopic, "", subtopic.to_owned().leak().as_bytes())
            .await;
    }
    let expected: [&[&str]; 5] = [&[""], &["a"], &["a"], &["a", "a.b", "a.b.c"], &["a.b.c"]];
    for (client, expected) in clients.iter_mut().zip(expected) {
        for text in expected {
            assert_eq!(client.receive().await, Frame::text(*text));
        }
    }
    // Nothing else was waiting: the next thing each of them gets is the end.
    ws.runtime.stop().cancel();
    for (client, tail) in clients.iter_mut().zip(tails) {
        assert!(client.receive().await.is_close(), "{tail}");
    }
}

#[tokio::test]
async fn what_is_sent_on_a_wildcard_socket_comes_back_to_it() {
    let ws = Ws::new().await;
    let mut client = ws.open("/a/*").await;
    client.send("on").await;
    assert_eq!(client.receive().await, Frame::text("on"));
}

#[tokio::test]
async fn the_order_of_many_messages_is_kept() {
    let ws = Ws::new().await;
    let (mut sender, mut other) = (ws.open("").await, ws.open("").await);
    for number in 0..500 {
        sender.send(number.to_string()).await;
    }
    for number in 0..500 {
        assert_eq!(other.receive().await, Frame::text(number.to_string()));
    }
}

#[tokio::test]
async fn a_message_that_was_sent_before_closing_is_published() {
    let ws = Ws::new().await;
    let mut other = ws.open("").await;
    for number in 0..20 {
        let mut sender = ws.open("").await;
        sender.send(number.to_string()).await;
        sender.0.close(None).await.unwrap();
        assert_eq!(other.receive().await, Frame::text(number.to_string()));
        assert_eq!(sender.end().await, End::Dropped);
    }
}
