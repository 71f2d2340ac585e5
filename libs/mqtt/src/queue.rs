use model::{ChannelId, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use messaging::{Consumer, Filter, Message};

use crate::key::ClientKey;
use crate::node::Node;
use crate::topic::TopicFilter;

/// A durable queue on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// That of a persistent session for a channel.
    Channel(ChannelId),
    /// That of a group, which the members of a shared subscription read together.
    Group(TopicFilter),
}

/// Tells the queues of one session apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct QueueId(u128);

impl Queue {
    pub(crate) fn id(&self) -> QueueId {
        match self {
            Self::Channel(channel) => (*channel).into(),
            Self::Group(filter) => QueueId::of_group(filter),
        }
    }

    pub(crate) fn channel(&self) -> ChannelId {
        match self {
            Self::Channel(channel) => *channel,
            Self::Group(filter) => filter.channel(),
        }
    }

    /// Opens the queue for a session, and makes it when there is none: then it starts with the next message.
    pub(crate) async fn open(
        &self,
        node: &Node,
        key: &ClientKey,
    ) -> Result<Box<dyn Consumer<Message>>> {
        let messages = Filter::Channel(self.channel());
        match self {
            Self::Channel(channel) => node.bus.consumer(&key.consumer(*channel), messages).await,
            Self::Group(filter) => node.bus.shared(&group_name(filter), messages).await,
        }
    }
}

impl QueueId {
    pub(crate) fn of_group(filter: &TopicFilter) -> Self {
        Self(digest(filter).as_u128())
    }
}

impl From<ChannelId> for QueueId {
    fn from(channel: ChannelId) -> Self {
        Self(channel.uuid().as_u128())
    }
}

/// Returns the name of the queue of a group: the same for all who share a filter under one name.
pub(crate) fn group_name(filter: &TopicFilter) -> String {
    format!(
        "mqtt-share-{}-{}",
        digest(filter).simple(),
        filter.channel()
    )
}

fn digest(filter: &TopicFilter) -> Uuid {
    let group = filter.group().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [group, "/", &filter.channel().to_string(), filter.tail()] {
        hash.update(part.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    Uuid::from_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_its_name_and_its_filter() {
        let channel = ChannelId::random();
        let filter = |group: &str, tail: &str| {
            let text = format!("$share/{group}/channels/{channel}/messages{tail}");
            TopicFilter::parse(&text).unwrap()
        };
        let name = group_name(&filter("a", "/+"));
        assert_eq!(name, group_name(&filter("a", "/+")));
        for other in [filter("b", "/+"), filter("a", "/#"), filter("a", "")] {
            assert_ne!(name, group_name(&other));
            assert_ne!(
                QueueId::of_group(&filter("a", "/+")),
                QueueId::of_group(&other)
            );
        }
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(group_name(&filter("é *>", "")).chars().all(safe));
    }
}
