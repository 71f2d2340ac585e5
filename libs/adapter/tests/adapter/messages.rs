//! Messages through the adapter.

use bytes::Bytes;
use messaging::{Filter, LiveLimits, Message, Overflow, Protocol, live_queue};
use model::{ChannelId, Subtopic, ThingId};

use crate::stage::Stage;

fn message(channel: ChannelId, subtopic: &str) -> Message {
    let subtopic = Subtopic::from_levels(subtopic).unwrap();
    Message::new(
        channel,
        subtopic,
        ThingId::random(),
        Protocol::Http,
        Bytes::from_static(b"on"),
    )
}

#[tokio::test]
async fn a_message_comes_out_where_it_was_subscribed_to_and_says_where_it_came_in() {
    let stage = Stage::new().await;
    let channel = ChannelId::random();
    let (sender, mut queue) = live_queue(LiveLimits {
        messages: 8,
        bytes: 1024,
        overflow: Overflow::Cut,
    });
    let filter = Filter::Subtopic(channel, Subtopic::from_levels("a.*").unwrap());
    let guard = stage.adapter.subscribe(filter, &sender).await.unwrap();
    for subtopic in ["", "a.b", "a.b.c", "a.c"] {
        stage
            .adapter
            .publish(message(channel, subtopic))
            .await
            .unwrap();
    }
    for subtopic in ["a.b", "a.c"] {
        let got = queue.recv().await.unwrap();
        assert_eq!(got.subtopic.as_str(), subtopic);
        assert!(got.origin.is_some());
    }
    drop(guard);
    stage
        .adapter
        .publish(message(channel, "a.b"))
        .await
        .unwrap();
    assert_eq!(queue.try_recv(), None);
}

#[tokio::test]
async fn what_is_sent_to_a_wildcard_reaches_those_it_covers() {
    let stage = Stage::new().await;
    let (sender, mut queue) = live_queue(LiveLimits {
        messages: 8,
        bytes: 1024,
        overflow: Overflow::Cut,
    });
    let channel = ChannelId::random();
    let pattern = Filter::Subtopic(channel, Subtopic::from_levels("a.*.b").unwrap());
    let _guard = stage.adapter.subscribe(pattern, &sender).await.unwrap();
    stage
        .adapter
        .publish(message(channel, "a.*.b"))
        .await
        .unwrap();
    assert_eq!(queue.recv().await.unwrap().subtopic.as_str(), "a.%2A.b");
}
