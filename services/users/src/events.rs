//! What users tell the other roles.

use model::Timestamp;
use proto::Change;

/// The name of this service in its events.
const SOURCE: &str = "users";

/// Something that is about to happen; it gets its number when it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happens.
    pub at: Timestamp,
    /// What happens.
    pub change: Change,
}

impl Event {
    /// Returns the JSON of the event with its number, as it is published.
    pub(crate) fn json(&self, number: u64) -> String {
        let event = proto::Event {
            source: SOURCE.to_owned(),
            number,
            at: self.at,
            change: self.change.clone(),
        };
        serde_json::to_string(&event).expect("an event has only text keys")
    }
}
