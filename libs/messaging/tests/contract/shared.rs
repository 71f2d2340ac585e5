//! What many readers of one durable consumer get.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use messaging::{Bus, Consumer};

use crate::for_every_bus;
use crate::sample::{Sample, expect, next, publish};
use crate::world::World;

for_every_bus!(
    each_record_goes_to_one_reader,
    what_a_reader_leaves_goes_to_another,
    a_shared_consumer_keeps_what_nobody_reads,
    a_shared_consumer_that_was_forgotten_begins_anew,
);

async fn open<T: Sample>(bus: &Arc<dyn Bus<T>>) -> Box<dyn Consumer<T>> {
    bus.shared("group", T::ALL).await.unwrap()
}

/// Takes and acknowledges that many records.
async fn take<T: Sample>(mut reader: Box<dyn Consumer<T>>, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        let delivery = next(&mut reader).await;
        reader.ack(delivery.seq);
        numbers.push(delivery.record.number());
    }
    numbers
}

/// Takes and acknowledges records until that many different ones are known: what others have left may come late, and twice.
async fn take_until<T: Sample>(
    mut reader: Box<dyn Consumer<T>>,
    known: &mut BTreeSet<u64>,
    count: usize,
) {
    while known.len() < count {
        let delivery = next(&mut reader).await;
        reader.ack(delivery.seq);
        known.insert(delivery.record.number());
    }
}

async fn each_record_goes_to_one_reader<T: Sample>(world: &World) {
    let process = world.open().await;
    // On NATS the readers are in two processes.
    let beside = match &world.server {
        Some(_) => Some(world.open().await),
        None => None,
    };
    let bus = T::bus(&process.buses);
    let other = T::bus(&beside.as_ref().unwrap_or(&process).buses);
    let readers = [open(&bus).await, open(&bus).await, open(&other).await];
    publish(&bus, 0..200).await;
    let taken = join_all(readers.map(|reader| take(reader, 30))).await;
    let mut different: BTreeSet<u64> = taken.into_iter().flatten().collect();
    assert_eq!(different.len(), 90, "some came twice");
    take_until(open(&other).await, &mut different, 200).await;
    drop((bus, other));
    if let Some(beside) = beside {
        beside.stop().await;
    }
    process.stop().await;
}

async fn what_a_reader_leaves_goes_to_another<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut leaving = open(&bus).await;
    publish(&bus, 0..4).await;
    let seqs = expect(&mut leaving, 0..4).await;
    leaving.ack(seqs[1]);
    let mut staying = open(&bus).await;
    let waiting = async { next(&mut staying).await.record.number() };
    let (first, ()) = tokio::join!(waiting, async { drop(leaving) });
    assert_eq!(first, 0);
    expect(&mut staying, [2, 3]).await;
    drop((staying, bus));
    process.stop().await;
}

async fn a_shared_consumer_keeps_what_nobody_reads<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    drop(open(&bus).await);
    publish(&bus, 0..5).await;
    let mut reader = open(&bus).await;
    for seq in expect(&mut reader, 0..3).await {
        reader.ack(seq);
    }
    drop((reader, bus));
    process.stop().await;

    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut rest = BTreeSet::new();
    take_until(open(&bus).await, &mut rest, 2).await;
    assert_eq!(rest, [3, 4].into());
    drop(bus);
    process.stop().await;
}

async fn a_shared_consumer_that_was_forgotten_begins_anew<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let older = open(&bus).await;
    publish(&bus, 0..3).await;
    drop(older);
    bus.forget("group").await.unwrap();
    bus.forget("group").await.unwrap();
    publish(&bus, 3..5).await;
    let mut reader = open(&bus).await;
    publish(&bus, [5]).await;
    expect(&mut reader, [5]).await;
    drop((reader, bus));
    process.stop().await;
}
