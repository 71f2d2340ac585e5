//! What a bus does when it keeps as much as it may.

use std::sync::Arc;
use std::time::Duration;

use messaging::{Bus, Seq};
use model::{Error, ErrorKind};
use tokio::time::sleep;

use crate::for_every_bus;
use crate::sample::{Sample, expect, next, publish};
use crate::world::{MAX_BYTES, World, within};

for_every_bus!(
    a_full_bus_refuses_until_something_is_acknowledged,
    forgetting_a_consumer_releases_what_is_kept_for_it,
    what_concerns_nobody_is_not_kept,
);

const CHUNK: usize = 16 << 10;
/// How many chunks are certainly more than the bus keeps.
const TOO_MANY: u64 = MAX_BYTES / CHUNK as u64 + 1;

async fn publish_chunk<T: Sample>(bus: &Arc<dyn Bus<T>>, number: u64) -> Result<Seq, Error> {
    within(bus.publish(Arc::new(T::make(number, CHUNK)))).await
}

/// Publishes until the bus refuses, and returns how many records it took.
async fn fill<T: Sample>(bus: &Arc<dyn Bus<T>>) -> u64 {
    for number in 0..TOO_MANY {
        if let Err(error) = publish_chunk(bus, number).await {
            assert_eq!(
                (error.kind, &*error.code),
                (ErrorKind::Exhausted, "bus_full")
            );
            assert!(number > TOO_MANY / 2, "it is full too soon");
            return number;
        }
    }
    panic!("it takes more than it may keep");
}

/// Publishes as soon as there is room.
async fn publish_soon<T: Sample>(bus: &Arc<dyn Bus<T>>, number: u64) {
    within(async {
        while publish_chunk(bus, number).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn a_full_bus_refuses_until_something_is_acknowledged<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    let taken = fill(&bus).await;
    assert_eq!(
        publish_chunk(&bus, 0).await.unwrap_err().kind,
        ErrorKind::Exhausted
    );
    for seq in expect(&mut consumer, 0..taken / 2).await {
        consumer.ack(seq);
    }
    publish_soon(&bus, taken).await;
    expect(&mut consumer, taken / 2..=taken).await;
    process.stop().await;
}

async fn forgetting_a_consumer_releases_what_is_kept_for_it<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    fill(&bus).await;
    next(&mut consumer).await;
    bus.forget("c").await.unwrap();
    bus.forget("c").await.unwrap();
    bus.forget("never opened").await.unwrap();
    publish_soon(&bus, 0).await;
    within(async { while consumer.next().await.is_ok() {} }).await;
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, [7]).await;
    expect(&mut consumer, [7]).await;
    process.stop().await;
}

async fn what_concerns_nobody_is_not_kept<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    for number in 0..2 * TOO_MANY {
        publish_chunk(&bus, number).await.unwrap();
    }
    bus.ready().await.unwrap();
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    for number in 0..2 * TOO_MANY {
        publish_soon(&bus, number).await;
        let delivery = next(&mut consumer).await;
        consumer.ack(delivery.seq);
    }
    process.stop().await;
}
