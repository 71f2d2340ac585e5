//! Which messages a filter chooses, live and kept.

use std::sync::Arc;

use messaging::{Bus, Filter, LiveReceiver, Message, live_queue};
use model::{ChannelId, ErrorKind, Subtopic};

use crate::on_both;
use crate::sample::{LIMITS, Sample, expect, message, next};
use crate::world::{World, within};

on_both!(
    a_filter_chooses_the_same_live_and_kept,
    what_a_channel_kept_comes_in_the_order_of_the_stream,
    a_consumer_keeps_its_filter,
    filters_of_one_channel_do_not_disturb_each_other,
);

fn pattern(channel: ChannelId, text: &str) -> Filter {
    Filter::Subtopic(channel, Subtopic::from_levels(text).unwrap())
}

async fn publish_to(bus: &Arc<dyn Bus<Message>>, channel: ChannelId, subtopic: &str, number: u64) {
    let message = message(channel, subtopic, number, 0);
    within(bus.publish(Arc::new(message))).await.unwrap();
}

async fn expect_live(queue: &mut LiveReceiver<Message>, numbers: &[u64]) {
    for number in numbers {
        assert_eq!(within(queue.recv()).await.unwrap().number(), *number);
    }
}

async fn a_filter_chooses_the_same_live_and_kept(world: &World) {
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let (one, other) = (ChannelId::random(), ChannelId::random());
    let cases: [(Filter, &[u64]); 8] = [
        (Filter::All, &[0, 1, 2, 3, 4, 5, 9]),
        (Filter::Channel(one), &[0, 1, 2, 3, 4, 9]),
        (pattern(one, ""), &[0, 9]),
        (pattern(one, "a"), &[1]),
        (pattern(one, "*"), &[1]),
        (pattern(one, "a.*"), &[2, 3]),
        (pattern(one, "a.>"), &[2, 3, 4]),
        (pattern(other, "a.b"), &[5]),
    ];
    let mut readers = Vec::new();
    for (position, (filter, numbers)) in cases.into_iter().enumerate() {
        let (sender, queue) = live_queue(LIMITS);
        let guard = bus.live(filter.clone(), &sender).await.unwrap();
        let consumer = bus.consumer(&position.to_string(), filter).await.unwrap();
        readers.push((queue, guard, consumer, numbers));
    }
    let published = [
        (one, ""),
        (one, "a"),
        (one, "a.b"),
        (one, "a.c"),
        (one, "a.b.c"),
        (other, "a.b"),
    ];
    for (number, (channel, subtopic)) in (0..).zip(published) {
        publish_to(&bus, channel, subtopic, number).await;
    }
    publish_to(&bus, one, "", 9).await;
    for (queue, _guard, consumer, numbers) in &mut readers {
        // Of messages to different subtopics one may overtake another, so they are not compared in order.
        let (mut live, mut kept) = (Vec::new(), Vec::new());
        for _ in *numbers {
            live.push(within(queue.recv()).await.unwrap().number());
            kept.push(next(consumer).await.record.number());
        }
        live.sort_unstable();
        kept.sort_unstable();
        assert_eq!((&live[..], &kept[..]), (*numbers, *numbers));
    }
    process.stop().await;
}

async fn what_a_channel_kept_comes_in_the_order_of_the_stream(world: &World) {
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let channel = ChannelId::random();
    let name = "session";
    drop(bus.consumer(name, Filter::Channel(channel)).await.unwrap());
    let subtopics = ["", "a", "a", "b.c", "", "", ""];
    for number in 0..210 {
        publish_to(&bus, channel, subtopics[number as usize % 7], number).await;
    }
    let mut consumer = bus.consumer(name, Filter::Channel(channel)).await.unwrap();
    let seqs = expect(&mut consumer, 0..150).await;
    for seq in seqs.iter().skip(1).step_by(2) {
        consumer.ack(*seq);
    }
    drop(consumer);
    let mut consumer = bus.consumer(name, Filter::Channel(channel)).await.unwrap();
    expect(&mut consumer, (0..150).step_by(2).chain(150..210)).await;
    process.stop().await;
}

async fn a_consumer_keeps_its_filter(world: &World) {
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let channel = ChannelId::random();
    let mut consumer = bus.consumer("c", Filter::Channel(channel)).await.unwrap();
    let Err(error) = bus.consumer("c", Filter::All).await else {
        panic!("the other filter is taken");
    };
    assert_eq!(
        (error.kind, &*error.code),
        (ErrorKind::Invalid, "consumer_filter")
    );
    publish_to(&bus, channel, "a", 0).await;
    expect(&mut consumer, [0]).await;
    process.stop().await;
}

async fn filters_of_one_channel_do_not_disturb_each_other(world: &World) {
    let process = world.open().await;
    let bus = process.buses.messages.clone();
    let channel = ChannelId::random();
    let (all, mut everything) = live_queue(LIMITS);
    let (part, mut some) = live_queue(LIMITS);
    let all_guard = bus.live(Filter::All, &all).await.unwrap();
    let part_guard = bus.live(pattern(channel, "a"), &part).await.unwrap();
    let whole_guard = bus.live(Filter::Channel(channel), &part).await.unwrap();
    publish_to(&bus, channel, "a", 0).await;
    expect_live(&mut everything, &[0]).await;
    // Both of its subscriptions choose it.
    expect_live(&mut some, &[0, 0]).await;
    drop(whole_guard);
    publish_to(&bus, channel, "a", 1).await;
    publish_to(&bus, channel, "b", 2).await;
    expect_live(&mut some, &[1]).await;
    drop(part_guard);
    let _again = bus.live(pattern(channel, "*"), &part).await.unwrap();
    publish_to(&bus, channel, "", 3).await;
    publish_to(&bus, channel, "b", 4).await;
    expect_live(&mut some, &[4]).await;
    expect_live(&mut everything, &[1, 2, 3, 4]).await;
    drop(all_guard);
    process.stop().await;
}
