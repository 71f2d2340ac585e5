use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::TryStreamExt;
use messaging::{Filter, Message, Record, live_queue};
use model::{ChannelId, ErrorKind, ThingId};
use prost::Message as _;
use proto::wire::mainflux::RawMessage;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::sample::{LIMITS, Sample, expect, publish};
use crate::world::{World, within};

#[tokio::test]
async fn another_process_takes_a_consumer_over_at_once() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let (one, other) = (world.open().await, world.open().await);
    let bus = one.buses.messages.clone();
    let mut older = bus.consumer("c", Filter::All).await.unwrap();
    publish(&bus, 0..20).await;
    let seqs = expect(&mut older, 0..10).await;
    older.ack(seqs[0]);
    let started = Instant::now();
    let mut newer = other
        .buses
        .messages
        .consumer("c", Filter::All)
        .await
        .unwrap();
    let first = within(newer.next()).await.unwrap();
    // The acknowledgement may still be on its way when the other one opens.
    let number = first.record.number();
    assert!(number <= 1, "{number}");
    expect(&mut newer, number + 1..20).await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    within(async { while older.next().await.is_ok() {} }).await;
    assert_eq!(older.next().await.unwrap_err().kind, ErrorKind::Conflict);
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_a_dead_process_held_comes_again_at_once() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let dead = world.open().await;
    let bus = dead.buses.messages.clone();
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
    publish(&bus, 0..200).await;
    expect(&mut consumer, 0..10).await;
    drop((consumer, bus, dead));
    let process = world.open().await;
    let started = Instant::now();
    let mut consumer = process
        .buses
        .messages
        .consumer("c", Filter::All)
        .await
        .unwrap();
    expect(&mut consumer, 0..200).await;
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    process.stop().await;
}

#[tokio::test]
async fn a_contested_consumer_loses_nothing_and_leaves_nothing_behind() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    drop(bus.consumer("c", Filter::All).await.unwrap());
    let publishing = publish(&bus, 0..300);
    let mut contenders = JoinSet::new();
    for contender in 0..4 {
        let bus = bus.clone();
        contenders.spawn(async move {
            for attempt in 0..8 {
                let opening = async {
                    match bus.consumer("c", Filter::All).await {
                        Ok(mut consumer) => drop(consumer.next().await),
                        Err(error) => assert_eq!(error.kind, ErrorKind::Conflict),
                    }
                };
                // Some get to the end, others stop in the middle as a process does that dies.
                let patience = Duration::from_micros(300 * (4 * attempt + contender));
                drop(timeout(patience, opening).await);
            }
        });
    }
    publishing.await;
    while let Some(contender) = within(contenders.join_next()).await {
        contender.unwrap();
    }
    drop(bus.consumer("c", Filter::All).await.unwrap());
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
    expect(&mut consumer, 0..300).await;
    let names = consumers(&world).await;
    assert_eq!(names.len(), 1, "{names:?}");
    bus.forget("c").await.unwrap();
    assert_eq!(consumers(&world).await, Vec::<String>::new());
    process.stop().await;
}

async fn client(world: &World) -> async_nats::Client {
    let address = world.server.as_ref().unwrap().address();
    async_nats::connect(address).await.unwrap()
}

async fn consumers(world: &World) -> Vec<String> {
    let jetstream = async_nats::jetstream::new(client(world).await);
    let stream = jetstream.get_stream(Message::STREAM).await.unwrap();
    stream.consumer_names().try_collect().await.unwrap()
}

#[tokio::test]
async fn a_second_copy_of_a_record_is_known_by_its_id() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
    let message = Arc::new(Message::make(0, 0));
    let first = bus.publish(message.clone()).await.unwrap();
    assert_eq!(bus.publish(message).await.unwrap(), first);
    publish(&bus, [1]).await;
    expect(&mut consumer, [0, 1]).await;
    process.stop().await;
}

#[tokio::test]
async fn messages_of_0_9_services_arrive_and_rubbish_is_skipped() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let channel = ChannelId::random();
    let (sender, mut receiver) = live_queue(LIMITS);
    let _guard = bus.live(Filter::Channel(channel), &sender).await.unwrap();
    let mut consumer = bus.consumer("c", Filter::Channel(channel)).await.unwrap();
    let publisher = ThingId::random();
    let raw = RawMessage {
        channel: channel.to_string(),
        subtopic: "room".to_owned(),
        publisher: publisher.to_string(),
        protocol: "lora".to_owned(),
        payload: Bytes::from_static(b"21.5"),
        ..RawMessage::default()
    };
    let client = client(&world).await;
    let subject = format!("channel.{channel}.room");
    client
        .publish(subject.clone(), "rubbish".into())
        .await
        .unwrap();
    client
        .publish(subject, raw.encode_to_vec().into())
        .await
        .unwrap();
    client.flush().await.unwrap();
    let live = within(receiver.recv()).await.unwrap();
    let kept = within(consumer.next()).await.unwrap();
    for message in [&live, &kept.record] {
        assert_eq!(message.channel, channel);
        assert_eq!(message.publisher, publisher);
        assert_eq!(message.subtopic.as_str(), "room");
        assert_eq!(message.protocol.as_str(), "lora");
        assert_eq!(message.payload, "21.5");
    }
    process.stop().await;
}

#[tokio::test]
async fn what_is_acknowledged_by_all_leaves_the_server() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let mut one = bus.consumer("one", Filter::All).await.unwrap();
    let mut other = bus.consumer("other", Filter::All).await.unwrap();
    publish(&bus, 0..50).await;
    for consumer in [&mut one, &mut other] {
        for seq in expect(consumer, 0..50).await {
            consumer.ack(seq);
        }
    }
    let jetstream = async_nats::jetstream::new(client(&world).await);
    let stream = jetstream.get_stream(Message::STREAM).await.unwrap();
    within(async {
        while stream.get_info().await.unwrap().state.messages > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    process.stop().await;
}
