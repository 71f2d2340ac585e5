use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use messaging::{Bus, Consumer, Entry, Filter, Message, live_queue};
use model::{ChannelId, ErrorKind};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::sample::{LIMITS, Sample, expect, message, publish};
use crate::world::{World, within};

/// Publishes numbers one after the other from `first` in steps of `step` until told to stop; returns those acknowledged.
async fn publish_through(
    bus: Arc<dyn Bus<Message>>,
    first: u64,
    step: usize,
    until: Instant,
) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    for number in (first..).step_by(step) {
        if Instant::now() > until {
            break;
        }
        match bus.publish(Arc::new(Message::make(number, 0))).await {
            Ok(_) => acknowledged.push(number),
            Err(error) => assert_eq!(error.kind, ErrorKind::Unavailable),
        }
    }
    acknowledged
}

async fn receive(
    mut consumer: Box<dyn Consumer<Message>>,
    mut missing: Vec<u64>,
    already: Vec<u64>,
) {
    missing.retain(|number| !already.contains(number));
    while !missing.is_empty() {
        let delivery = within(consumer.next()).await.unwrap();
        consumer.ack(delivery.seq);
        missing.retain(|number| *number != delivery.record.number());
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let Some(mut world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
    let until = Instant::now() + Duration::from_secs(4);
    let mut publishers = JoinSet::new();
    for first in 0..8 {
        publishers.spawn(publish_through(bus.clone(), first, 8, until));
    }
    let mut received = Vec::new();
    let mut kills = [
        until - Duration::from_secs(3),
        until - Duration::from_secs(1),
    ]
    .into_iter();
    let mut kill_at = kills.next();
    while Instant::now() < until {
        if kill_at.is_some_and(|at| Instant::now() > at) {
            let server = world.server.as_mut().unwrap();
            server.kill();
            server.restart().await;
            kill_at = kills.next();
        }
        if let Ok(delivery) = tokio::time::timeout(Duration::from_millis(50), consumer.next()).await
        {
            let delivery = delivery.unwrap();
            consumer.ack(delivery.seq);
            received.push(delivery.record.number());
        }
    }
    assert_eq!(kill_at, None);
    let mut acknowledged = Vec::new();
    while let Some(published) = within(publishers.join_next()).await {
        acknowledged.extend(published.unwrap());
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    receive(consumer, acknowledged, received).await;
    process.stop().await;
}

#[tokio::test]
async fn a_consumer_goes_on_with_what_it_holds() {
    let Some(mut world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
    publish(&bus, 0..5).await;
    let mut seqs = expect(&mut consumer, 0..5).await;
    consumer.ack(seqs.remove(2));
    let server = world.server.as_mut().unwrap();
    server.kill();
    server.restart().await;
    publish(&bus, 5..8).await;
    seqs.extend(expect(&mut consumer, 5..8).await);
    for seq in seqs {
        consumer.ack(seq);
    }
    drop(consumer);
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
    publish(&bus, [8]).await;
    expect(&mut consumer, [8]).await;
    process.stop().await;
}

#[tokio::test]
async fn live_queues_are_subscribed_again() {
    let Some(mut world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let channel = ChannelId::random();
    let (sender, mut receiver) = live_queue(LIMITS);
    let _all = bus.live(Filter::All, &sender).await.unwrap();
    let _one = bus.live(Filter::Channel(channel), &sender).await.unwrap();
    let server = world.server.as_mut().unwrap();
    server.kill();
    server.restart().await;
    let message = Arc::new(message(channel, "a", 7, 0));
    within(bus.publish(message.clone())).await.unwrap();
    for _ in 0..2 {
        assert_eq!(within(receiver.recv()).await.unwrap(), message);
    }
    process.stop().await;
}

#[tokio::test]
async fn without_a_server_nothing_is_accepted_and_nobody_waits_for_ever() {
    let Some(mut world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    bus.ready().await.unwrap();
    world.server.as_mut().unwrap().kill();
    within(async {
        while bus.ready().await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let started = Instant::now();
    let (sender, _receiver) = live_queue(LIMITS);
    let (published, live, opened, forgotten, got) = tokio::join!(
        bus.publish(Arc::new(Message::make(0, 0))),
        bus.live(Filter::All, &sender),
        bus.consumer("c", Filter::All),
        bus.forget("c"),
        process.buses.sessions.get("k"),
    );
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    for error in [
        published.unwrap_err(),
        live.err().unwrap(),
        opened.err().unwrap(),
        forgotten.unwrap_err(),
        got.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind, &*error.code),
            (ErrorKind::Unavailable, "bus_unavailable")
        );
    }
    bus.send(Arc::new(Message::make(0, 0)));
    world.server.as_mut().unwrap().restart().await;
    publish(&bus, [1]).await;
    within(bus.ready()).await.unwrap();
    process.stop().await;
}

#[tokio::test]
async fn a_bucket_is_watched_across_a_restart() {
    let Some(mut world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bucket = process.buses.retained.clone();
    let value = Bytes::from_static(b"1");
    bucket.put("a", value.clone()).await.unwrap();
    let mut watch = bucket.watch().await.unwrap();
    let put = |key: &str| Entry::Put(key.to_owned(), value.clone());
    assert_eq!(within(watch.recv()).await, Some(put("a")));
    assert_eq!(within(watch.recv()).await, Some(Entry::Current));
    let server = world.server.as_mut().unwrap();
    server.kill();
    server.restart().await;
    within(bucket.put("b", value.clone())).await.unwrap();
    assert_eq!(within(watch.recv()).await, Some(put("b")));
    within(bucket.delete("a")).await.unwrap();
    assert_eq!(
        within(watch.recv()).await,
        Some(Entry::Deleted("a".to_owned()))
    );
    process.stop().await;
}
