//! What a bus keeps for durable consumers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use model::ErrorKind;
use tokio::time::timeout;

use crate::for_every_bus;
use crate::sample::{Sample, expect, next, publish};
use crate::world::{World, within};

for_every_bus!(
    a_consumer_starts_with_the_next_record_and_gets_all_in_order,
    a_consumer_that_got_nothing_yet_does_not_get_what_was_before_it,
    a_consumer_resumes_where_it_acknowledged,
    records_come_while_the_consumer_is_away,
    acknowledgements_may_come_in_any_order,
    the_one_opened_last_owns_the_name,
    two_consumers_each_get_everything,
    many_publishers_do_not_wait_for_each_other,
    what_is_sent_without_waiting_is_kept_too,
    dropping_the_future_of_next_loses_nothing,
);

async fn a_consumer_starts_with_the_next_record_and_gets_all_in_order<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    publish(&bus, [1000]).await;
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    let record = Arc::new(T::make(0, 100));
    bus.publish(record.clone()).await.unwrap();
    publish(&bus, 1..300).await;
    let first = next(&mut consumer).await;
    assert_eq!(first.record, record);
    consumer.ack(first.seq);
    for seq in expect(&mut consumer, 1..300).await {
        consumer.ack(seq);
    }
    process.stop().await;
}

async fn a_consumer_that_got_nothing_yet_does_not_get_what_was_before_it<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    // What one consumer has yet to acknowledge is there when another begins.
    let _behind = bus.consumer("behind", T::ALL).await.unwrap();
    publish(&bus, 0..3).await;
    drop(bus.consumer("c", T::ALL).await.unwrap());
    publish(&bus, 3..4).await;
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, 4..5).await;
    expect(&mut consumer, 3..5).await;
    drop(consumer);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    expect(&mut consumer, 3..5).await;
    process.stop().await;
}

async fn a_consumer_resumes_where_it_acknowledged<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, 0..10).await;
    for seq in &expect(&mut consumer, 0..8).await[..5] {
        consumer.ack(*seq);
    }
    drop((consumer, bus));
    process.stop().await;

    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, 10..12).await;
    expect(&mut consumer, 5..12).await;
    process.stop().await;
}

async fn records_come_while_the_consumer_is_away<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    drop(bus.consumer("c", T::ALL).await.unwrap());
    publish(&bus, 0..3).await;
    drop(bus);
    process.stop().await;

    let process = world.open().await;
    let bus = T::bus(&process.buses);
    publish(&bus, 3..6).await;
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    expect(&mut consumer, 0..6).await;
    process.stop().await;
}

async fn acknowledgements_may_come_in_any_order<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, 0..6).await;
    let seqs = expect(&mut consumer, 0..6).await;
    for position in [4, 1, 3] {
        consumer.ack(seqs[position]);
    }
    drop(consumer);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    for seq in expect(&mut consumer, [0, 2, 5]).await {
        consumer.ack(seq);
    }
    drop(consumer);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, [6]).await;
    expect(&mut consumer, [6]).await;
    process.stop().await;
}

async fn the_one_opened_last_owns_the_name<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut older = bus.consumer("c", T::ALL).await.unwrap();
    publish(&bus, 0..3).await;
    let seqs = expect(&mut older, 0..2).await;
    let mut newer = bus.consumer("c", T::ALL).await.unwrap();
    expect(&mut newer, 0..3).await;
    let error = within(async {
        // What it had fetched before may still come; it has to end all the same.
        loop {
            if let Err(error) = older.next().await {
                return error;
            }
        }
    })
    .await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    older.ack(seqs[0]);
    publish(&bus, [3]).await;
    expect(&mut newer, [3]).await;
    let error = within(older.next()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    process.stop().await;
}

async fn two_consumers_each_get_everything<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut one = bus.consumer("one", T::ALL).await.unwrap();
    let mut other = bus.consumer("mqtt/o.ther *>", T::ALL).await.unwrap();
    publish(&bus, 0..5).await;
    for seq in expect(&mut one, 0..5).await {
        one.ack(seq);
    }
    drop(one);
    let mut one = bus.consumer("one", T::ALL).await.unwrap();
    publish(&bus, 5..7).await;
    expect(&mut one, 5..7).await;
    expect(&mut other, 0..7).await;
    process.stop().await;
}

async fn many_publishers_do_not_wait_for_each_other<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    let publishing = (0..500).map(|number| bus.publish(Arc::new(T::make(number, 0))));
    let mut seqs = Vec::new();
    for published in within(join_all(publishing)).await {
        seqs.push(published.unwrap());
    }
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), 500);
    for seq in seqs {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.seq, seq);
        consumer.ack(delivery.seq);
    }
    process.stop().await;
}

async fn what_is_sent_without_waiting_is_kept_too<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    for number in 0..50 {
        bus.send(Arc::new(T::make(number, 0)));
    }
    expect(&mut consumer, 0..50).await;
    process.stop().await;
}

async fn dropping_the_future_of_next_loses_nothing<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut consumer = bus.consumer("c", T::ALL).await.unwrap();
    let publishing = publish(&bus, 0..200);
    let consuming = async {
        let mut expected = 0;
        while expected < 200 {
            let impatient = timeout(Duration::from_micros(50), consumer.next());
            if let Ok(delivery) = impatient.await {
                let delivery = delivery.unwrap();
                assert_eq!(delivery.record.number(), expected);
                consumer.ack(delivery.seq);
                expected += 1;
            }
        }
    };
    within(async { tokio::join!(publishing, consuming) }).await;
    process.stop().await;
}
