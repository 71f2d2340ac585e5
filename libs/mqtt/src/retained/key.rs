use std::fmt;

use messaging::Message;
use model::ChannelId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::topic::tail;

/// Names the topic of a retained message in the bucket: `<channel>/<hash of what follows "messages">`.
///
/// A hash, because topics have characters and lengths that keys cannot have. Only who may publish to the channel could
/// ever gain by a collision of its 128 bits, and only against itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetainedKey {
    pub(super) channel: ChannelId,
    pub(super) topic: u128,
}

impl RetainedKey {
    /// Returns the key of a topic, given as its channel and what follows `messages`.
    pub fn new(channel: ChannelId, tail: &str) -> Self {
        let hash = Sha256::digest(tail.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        Self {
            channel,
            topic: u128::from_be_bytes(half),
        }
    }

    /// Returns the key of a message's topic.
    pub fn of(message: &Message) -> Self {
        Self::new(message.channel, tail(&message.mqtt_topic()))
    }

    /// Reads the text of a key.
    pub fn parse(text: &str) -> Option<Self> {
        let (channel, topic) = text.split_once('/')?;
        Some(Self {
            channel: channel.parse().ok()?,
            topic: Uuid::try_parse(topic).ok()?.as_u128(),
        })
    }
}

impl fmt::Display for RetainedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:032x}", self.channel, self.topic)
    }
}
