//! Events as JSON, each on the subject `events.<source>.<operation>`.

use proto::Event;
use uuid::Uuid;

use crate::filter::AllEvents;
use crate::record::{DecodeError, Record};

/// What an event with its names and metadata is taken to weigh in memory.
const SIZE: usize = 1024;

impl Record for Event {
    const STREAM: &'static str = "EVENTS";
    const SUBJECTS: &'static str = "events.>";

    type Filter = AllEvents;
    type Key = ();

    fn key(&self) {}

    fn subject(&self) -> String {
        format!("events.{}.{}", self.source, self.change.operation())
    }

    /// Returns the same id for the same number of the same source, however often it is published.
    fn id(&self) -> Uuid {
        let source = crc32c::crc32c(self.source.as_bytes());
        Uuid::from_u64_pair(source.into(), self.number)
    }

    fn size(&self) -> usize {
        SIZE
    }

    fn encode(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self)
            .expect("events have string keys only, so they always have a JSON form");
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(bytes).map_err(|error| DecodeError(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use model::{ThingId, Timestamp, UserId};
    use proptest::prelude::*;
    use proto::Change;

    use super::*;

    fn event(number: u64, change: Change) -> Event {
        Event {
            source: "things".to_owned(),
            number,
            at: Timestamp::from_micros(1),
            change,
        }
    }

    #[test]
    fn an_event_is_found_under_its_operation() {
        let event = event(
            3,
            Change::ThingRemoved {
                id: ThingId::random(),
            },
        );
        assert_eq!(event.subject(), "events.things.thing.remove");
    }

    #[test]
    fn the_id_is_that_of_source_and_number() {
        let one = event(
            3,
            Change::ThingRemoved {
                id: ThingId::random(),
            },
        );
        let mut other = one.clone();
        assert_eq!(one.id(), other.id());
        other.number = 4;
        assert_ne!(one.id(), other.id());
        other.number = 3;
        other.source = "users".to_owned();
        assert_ne!(one.id(), other.id());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            number in any::<u64>(),
            name in any::<String>(),
            key in any::<String>(),
            value in any::<String>(),
        ) {
            let event = event(number, Change::ThingCreated {
                id: ThingId::random(),
                owner: UserId::random(),
                name,
                metadata: Some(serde_json::json!({ key: [value, 1, null] })),
            });
            let mut out = Vec::new();
            event.encode(&mut out);
            prop_assert_eq!(Event::decode(&out).unwrap(), event);
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Event::decode(&bytes);
        }
    }
}
