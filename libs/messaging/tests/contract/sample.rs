//! Records to test with.

use std::sync::Arc;

use bytes::Bytes;
use messaging::{
    AllEvents, Bus, Buses, Consumer, Delivery, Filter, LiveLimits, Message, Overflow, Protocol,
    Record, Seq,
};
use model::{ChannelId, Subtopic, ThingId, Timestamp, UserId};
use proto::{Change, Event};
use serde_json::json;
use uuid::Uuid;

use crate::world::within;

/// A record that tests can make and recognise.
pub(crate) trait Sample: Record + PartialEq {
    /// The filter that chooses all of them.
    const ALL: Self::Filter;

    fn bus(buses: &Buses) -> Arc<dyn Bus<Self>>;

    /// Makes a record that carries a number and about that many more bytes.
    fn make(number: u64, bytes: usize) -> Self;

    fn number(&self) -> u64;
}

impl Sample for Message {
    const ALL: Filter = Filter::All;

    fn bus(buses: &Buses) -> Arc<dyn Bus<Self>> {
        buses.messages.clone()
    }

    fn make(number: u64, bytes: usize) -> Self {
        message(ChannelId::random(), "a.b", number, bytes)
    }

    fn number(&self) -> u64 {
        u64::from_be_bytes(self.payload[..8].try_into().unwrap())
    }
}

impl Sample for Event {
    const ALL: AllEvents = AllEvents;

    fn bus(buses: &Buses) -> Arc<dyn Bus<Self>> {
        buses.events.clone()
    }

    fn make(number: u64, bytes: usize) -> Self {
        let change = Change::ThingCreated {
            id: ThingId::random(),
            owner: UserId::random(),
            name: "x".repeat(bytes),
            metadata: Some(json!({"a": [1, null]})),
        };
        Self {
            // Another service each time, as the second event of a number would be taken for a copy.
            source: Uuid::new_v4().simple().to_string(),
            number,
            at: Timestamp::from_micros(1),
            change,
        }
    }

    fn number(&self) -> u64 {
        self.number
    }
}

/// Makes a message to a channel and subtopic.
pub(crate) fn message(channel: ChannelId, subtopic: &str, number: u64, bytes: usize) -> Message {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(8 + bytes, b'x');
    let subtopic = Subtopic::from_levels(subtopic).unwrap();
    Message::new(
        channel,
        subtopic,
        ThingId::random(),
        Protocol::Http,
        Bytes::from(payload),
    )
}

pub(crate) async fn publish<T: Sample>(
    bus: &Arc<dyn Bus<T>>,
    numbers: impl IntoIterator<Item = u64>,
) {
    for number in numbers {
        within(bus.publish(Arc::new(T::make(number, 0))))
            .await
            .unwrap();
    }
}

pub(crate) async fn next<T: Sample>(consumer: &mut Box<dyn Consumer<T>>) -> Delivery<T> {
    within(consumer.next()).await.unwrap()
}

/// Takes as many deliveries as numbers are expected, and checks that they are these and in the order of the stream.
pub(crate) async fn expect<T: Sample>(
    consumer: &mut Box<dyn Consumer<T>>,
    numbers: impl IntoIterator<Item = u64>,
) -> Vec<Seq> {
    let mut seqs = Vec::new();
    for number in numbers {
        let delivery = next(consumer).await;
        assert_eq!(delivery.record.number(), number);
        assert!(seqs.last().is_none_or(|last| *last < delivery.seq));
        seqs.push(delivery.seq);
    }
    seqs
}

pub(crate) const LIMITS: LiveLimits = LiveLimits {
    messages: 10_000,
    bytes: usize::MAX,
    overflow: Overflow::Cut,
};
