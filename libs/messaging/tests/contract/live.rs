//! What live queues get.

use std::sync::Arc;

use messaging::{LiveEnd, LiveLimits, LiveReceiver, Overflow, live_queue};
use tokio::task::JoinSet;

use crate::for_every_bus;
use crate::sample::{LIMITS, Sample, publish};
use crate::world::{World, within};

for_every_bus!(
    a_live_queue_gets_what_is_published_while_it_is_subscribed,
    every_live_queue_gets_each_record_once,
    what_is_sent_without_waiting_arrives,
    a_queue_that_is_cut_ends,
    a_queue_that_drops_the_newest_goes_on,
    queues_come_and_go_while_others_stay,
);

async fn receive<T: Sample>(queue: &mut LiveReceiver<T>) -> u64 {
    within(queue.recv()).await.unwrap().number()
}

async fn a_live_queue_gets_what_is_published_while_it_is_subscribed<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let (sender, mut receiver) = live_queue::<T>(LIMITS);
    publish(&bus, [1000]).await;
    let guard = bus.live(T::ALL, &sender).await.unwrap();
    let record = Arc::new(T::make(0, 100));
    bus.publish(record.clone()).await.unwrap();
    assert_eq!(within(receiver.recv()).await.unwrap(), record);
    publish(&bus, 1..100).await;
    for number in 1..100 {
        assert_eq!(receive(&mut receiver).await, number);
    }
    drop(guard);
    publish(&bus, [1001]).await;
    let _guard = bus.live(T::ALL, &sender).await.unwrap();
    publish(&bus, [100]).await;
    assert_eq!(receive(&mut receiver).await, 100);
    process.stop().await;
}

async fn every_live_queue_gets_each_record_once<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut queues = Vec::new();
    for _ in 0..3 {
        let (sender, receiver) = live_queue::<T>(LIMITS);
        let guard = bus.live(T::ALL, &sender).await.unwrap();
        queues.push((receiver, guard));
    }
    publish(&bus, 0..50).await;
    for (receiver, _guard) in &mut queues {
        for number in 0..50 {
            assert_eq!(receive(receiver).await, number);
        }
    }
    process.stop().await;
}

async fn what_is_sent_without_waiting_arrives<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let (sender, mut receiver) = live_queue::<T>(LIMITS);
    let _guard = bus.live(T::ALL, &sender).await.unwrap();
    for number in 0..100 {
        bus.send(Arc::new(T::make(number, 0)));
    }
    for number in 0..100 {
        assert_eq!(receive(&mut receiver).await, number);
    }
    process.stop().await;
}

async fn a_queue_that_is_cut_ends<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let (slow, mut receiver) = live_queue::<T>(LiveLimits {
        messages: 5,
        ..LIMITS
    });
    let (other, mut others) = live_queue::<T>(LIMITS);
    let _slow = bus.live(T::ALL, &slow).await.unwrap();
    let _other = bus.live(T::ALL, &other).await.unwrap();
    publish(&bus, 0..10).await;
    for number in 0..10 {
        assert_eq!(receive(&mut others).await, number);
    }
    let end = within(async {
        loop {
            if let Err(end) = receiver.recv().await {
                return end;
            }
        }
    });
    assert_eq!(end.await, LiveEnd::TooSlow);
    process.stop().await;
}

async fn a_queue_that_drops_the_newest_goes_on<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let (slow, mut receiver) = live_queue::<T>(LiveLimits {
        messages: 5,
        overflow: Overflow::DropNewest,
        ..LIMITS
    });
    let (other, mut others) = live_queue::<T>(LIMITS);
    let _slow = bus.live(T::ALL, &slow).await.unwrap();
    let _other = bus.live(T::ALL, &other).await.unwrap();
    publish(&bus, 0..10).await;
    for number in 0..10 {
        assert_eq!(receive(&mut others).await, number);
    }
    for number in 0..5 {
        assert_eq!(receive(&mut receiver).await, number);
    }
    assert_eq!(receiver.dropped(), 5);
    publish(&bus, [10]).await;
    assert_eq!(receive(&mut receiver).await, 10);
    process.stop().await;
}

async fn queues_come_and_go_while_others_stay<T: Sample>(world: &World) {
    let process = world.open().await;
    let bus = T::bus(&process.buses);
    let mut visitors = JoinSet::new();
    for _ in 0..4 {
        let bus = bus.clone();
        visitors.spawn(async move {
            for _ in 0..25 {
                let (sender, _receiver) = live_queue::<T>(LIMITS);
                drop(bus.live(T::ALL, &sender).await.unwrap());
            }
        });
    }
    let (sender, mut receiver) = live_queue::<T>(LIMITS);
    let _guard = bus.live(T::ALL, &sender).await.unwrap();
    publish(&bus, 0..200).await;
    for number in 0..200 {
        assert_eq!(receive(&mut receiver).await, number);
    }
    while let Some(visitor) = within(visitors.join_next()).await {
        visitor.unwrap();
    }
    process.stop().await;
}
