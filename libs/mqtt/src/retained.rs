//! The retained messages of all channels, kept in memory and fed from the bucket all nodes share.

mod key;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use messaging::{DecodeError, Entry, Message, Record};
use model::{ChannelId, Timestamp};

pub use key::RetainedKey;

use crate::topic::{TopicFilter, tail};

/// What a message takes beside its texts and its payload, roughly.
const OVERHEAD: usize = 512;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainedLimits {
    /// The most messages of all channels.
    pub messages: usize,
    /// The most memory for all channels, in bytes.
    pub bytes: usize,
    /// The most messages of one channel.
    pub channel_messages: usize,
}

impl Default for RetainedLimits {
    fn default() -> Self {
        Self {
            messages: 100_000,
            bytes: 256 * 1024 * 1024,
            channel_messages: 10_000,
        }
    }
}

/// Nothing more can be kept; [`crate::Reason::QuotaExceeded`] on MQTT 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the retained messages have reached their limit")]
pub struct Full;

/// The last message of each topic that was published to be retained.
#[derive(Debug, Default)]
pub struct Retained {
    limits: RetainedLimits,
    channels: HashMap<ChannelId, BTreeMap<u128, Arc<Message>>>,
    messages: usize,
    bytes: usize,
}

impl Retained {
    /// Makes an empty store.
    pub fn new(limits: RetainedLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Tells whether there is room for a message, in place of the one it would replace.
    ///
    /// # Errors
    /// When a limit would be exceeded.
    pub fn admit(&self, message: &Message) -> Result<(), Full> {
        let key = RetainedKey::of(message);
        let channel = self.channels.get(&key.channel);
        let replaced = channel.and_then(|channel| channel.get(&key.topic));
        let count = usize::from(replaced.is_none());
        let in_channel = channel.map_or(0, BTreeMap::len) + count;
        let bytes = self.bytes - replaced.map_or(0, |old| size(old)) + size(message);
        let fits = self.messages + count <= self.limits.messages
            && in_channel <= self.limits.channel_messages
            && bytes <= self.limits.bytes;
        if fits { Ok(()) } else { Err(Full) }
    }

    /// Keeps a message as the last one of its topic; one with an empty payload removes what is there.
    ///
    /// Only call this with messages published to be retained (MQTT 3.1.1 section 3.3.1.3).
    ///
    /// # Errors
    /// When a limit would be exceeded; what was there stays.
    pub fn set(&mut self, message: Arc<Message>) -> Result<(), Full> {
        let key = RetainedKey::of(&message);
        if message.payload.is_empty() {
            self.remove(key);
            return Ok(());
        }
        self.admit(&message)?;
        self.remove(key);
        self.messages += 1;
        self.bytes += size(&message);
        let channel = self.channels.entry(key.channel).or_default();
        channel.insert(key.topic, message);
        Ok(())
    }

    /// Removes the message of a topic, if there is one.
    pub fn remove(&mut self, key: RetainedKey) {
        let Some(channel) = self.channels.get_mut(&key.channel) else {
            return;
        };
        if let Some(old) = channel.remove(&key.topic) {
            self.messages -= 1;
            self.bytes -= size(&old);
        }
        if channel.is_empty() {
            self.channels.remove(&key.channel);
        }
    }

    /// Follows what [`messaging::Bucket::watch`] reports.
    ///
    /// # Errors
    /// When the entry is no retained message or exceeds a limit; the store is as before then.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        match entry {
            Entry::Put(key, value) => {
                let message = Message::decode(value)?;
                if RetainedKey::parse(key) != Some(RetainedKey::of(&message)) {
                    return Err(ApplyError::Key);
                }
                self.set(Arc::new(message))?;
            }
            Entry::Deleted(key) => self.remove(RetainedKey::parse(key).ok_or(ApplyError::Key)?),
            Entry::Current => {}
        }
        Ok(())
    }

    /// Appends the messages a filter matches that have not expired, looking at no more than `limit` of them.
    ///
    /// Returns where to go on, or nothing at the end. A message set or removed in between may be seen or not.
    pub fn find(
        &self,
        filter: &TopicFilter,
        after: Option<RetainedKey>,
        limit: usize,
        now: Timestamp,
        found: &mut Vec<Arc<Message>>,
    ) -> Option<RetainedKey> {
        let channel = self.channels.get(&filter.channel())?;
        let mut add = |message: &Arc<Message>| {
            if !expired(message, now)
                && filter.matches(message.channel, tail(&message.mqtt_topic()))
            {
                found.push(Arc::clone(message));
            }
        };
        if !filter.is_wildcard() {
            let exact = RetainedKey::new(filter.channel(), filter.tail());
            channel.get(&exact.topic).into_iter().for_each(&mut add);
            return None;
        }
        let start = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.topic));
        let mut rest = channel.range((start, Bound::Unbounded));
        let mut last = None;
        for (topic, message) in rest.by_ref().take(limit.max(1)) {
            add(message);
            last = Some(*topic);
        }
        rest.next()?;
        Some(RetainedKey {
            channel: filter.channel(),
            topic: last?,
        })
    }

    /// Removes what has expired, and returns the keys to delete from the bucket.
    pub fn expire(&mut self, now: Timestamp) -> Vec<RetainedKey> {
        let mut keys = Vec::new();
        for (channel, messages) in &self.channels {
            let gone = messages.iter().filter(|(_, message)| expired(message, now));
            keys.extend(gone.map(|(topic, _)| RetainedKey {
                channel: *channel,
                topic: *topic,
            }));
        }
        for key in &keys {
            self.remove(*key);
        }
        keys
    }

    /// Returns the message of a topic.
    pub fn get(&self, key: RetainedKey) -> Option<&Arc<Message>> {
        self.channels.get(&key.channel)?.get(&key.topic)
    }

    /// Returns the number of messages kept.
    pub fn len(&self) -> usize {
        self.messages
    }

    /// Tells whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Returns the memory they take, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Why an entry of the bucket was not followed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The value is no message.
    #[error(transparent)]
    Value(#[from] DecodeError),
    /// The key is not that of the message.
    #[error("the key of a retained message is not that of its topic")]
    Key,
    /// It does not fit.
    #[error(transparent)]
    Full(#[from] Full),
}

/// Returns what to store in the bucket for a message.
pub fn encode_retained(message: &Message) -> Bytes {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes.into()
}

fn expired(message: &Message, now: Timestamp) -> bool {
    message.expires.is_some_and(|expires| expires <= now)
}

fn size(message: &Message) -> usize {
    let properties = message.properties.as_deref().map_or(0, |properties| {
        let user = properties.user.iter();
        let user = user.map(|(name, value)| 2 * size_of::<String>() + name.len() + value.len());
        properties.correlation_data.as_ref().map_or(0, Bytes::len)
            + properties.response_topic.as_ref().map_or(0, String::len)
            + user.sum::<usize>()
    });
    OVERHEAD
        + message.payload.len()
        + message.topic.as_ref().map_or(0, String::len)
        + message.subtopic.as_str().len()
        + message.content_type.len()
        + properties
}

#[cfg(test)]
mod tests;
