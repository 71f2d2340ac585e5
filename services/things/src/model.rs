//! Things, channels, connections and certificates as the rules see them, and what makes a request well-formed.

mod certificate;
mod details;
mod filter;
mod key;

use model::{ChannelId, ThingId, UserId};

pub use certificate::{Certificate, Fingerprint};
pub use details::{Details, Metadata, Name};
pub use filter::Filter;
pub use key::Key;

/// How much one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a metadata object.
    pub metadata_bytes: usize,
    /// The most levels of a metadata object.
    pub metadata_depth: usize,
    /// The most things, channels or connections in one request.
    pub bulk: usize,
    /// The most bytes of a request's body.
    pub body_bytes: usize,
}

/// A device, an application, or whatever else sends and receives messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Identifies the thing.
    pub id: ThingId,
    /// What it proves its identity with.
    pub key: Key,
    /// Where its relative MQTT topics lead.
    pub default_channel: Option<ChannelId>,
    /// What its owner says about it.
    pub details: Details,
}

/// A group of things that may talk to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Identifies the channel.
    pub id: ChannelId,
    /// What its owner says about it.
    pub details: Details,
}

/// A thing that is to be created; without a key it gets a random one.
#[derive(Clone, Debug, PartialEq)]
pub struct NewThing {
    /// The key its owner chose.
    pub key: Option<Key>,
    /// What its owner says about it.
    pub details: Details,
}

/// Every channel with every thing: what is to be connected or disconnected at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// The channels.
    pub channels: Vec<ChannelId>,
    /// The things.
    pub things: Vec<ThingId>,
}

impl Connections {
    /// Makes one connection of one thing to one channel.
    pub fn one(channel: ChannelId, thing: ThingId) -> Self {
        Self {
            channels: vec![channel],
            things: vec![thing],
        }
    }

    /// Returns each pair once, in an order that is the same for everybody so that transactions do not lock crosswise.
    pub fn pairs(&self) -> Vec<(ChannelId, ThingId)> {
        let mut pairs: Vec<_> = self
            .channels
            .iter()
            .flat_map(|channel| self.things.iter().map(|thing| (*channel, *thing)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// Who owns what is asked for.
pub type Owner = UserId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_named_twice_is_one() {
        let (channel, other) = (ChannelId::random(), ChannelId::random());
        let thing = ThingId::random();
        let twice = Connections {
            channels: vec![channel, other, channel],
            things: vec![thing, thing],
        };
        assert_eq!(twice.pairs().len(), 2);
        assert_eq!(
            Connections::one(channel, thing).pairs(),
            vec![(channel, thing)]
        );
    }
}
