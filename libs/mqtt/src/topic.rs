//! The topics of this platform on MQTT: `channels/<id>/messages`, then any levels.

mod filter;
mod name;

pub use filter::TopicFilter;
pub use name::{Route, TopicName};

use std::borrow::Cow;

use model::ChannelId;

/// The most levels after `messages`, empty ones included; it bounds the depth of the subscription index.
const MAX_LEVELS: usize = 128;

/// The most bytes after `messages`; twice what other protocols can name, for empty levels and a content type.
const MAX_BYTES: usize = 2048;

const PREFIX: &str = "channels/";
const ID: usize = 36;
const SUFFIX: &str = "/messages";

/// Why a text is no topic name or no topic filter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// It is empty or has U+0000 (MQTT 3.1.1 section 4.7.3).
    #[error("a topic has at least one character, and none is U+0000")]
    Text,
    /// A wildcard is part of a level, or `#` is not the last (MQTT 3.1.1 section 4.7.1).
    #[error(
        "'+' and '#' are levels by themselves, '#' is the last one, and a topic name has neither"
    )]
    Wildcard,
    /// It is not below the messages of one channel.
    #[error(
        "topics are channels/<channel id>/messages and what is below, wildcards after that; others are below the thing's default channel, when it has one"
    )]
    Shape,
    /// The second level is no channel id.
    #[error("the second level of a topic is the id of a channel")]
    Channel,
    /// It has too many levels or bytes.
    #[error("a topic has at most 128 levels and 2048 bytes after 'messages'")]
    Levels,
    /// The group of a shared subscription is empty or has a wildcard, or no filter follows.
    #[error("a shared subscription is $share/<group>/<filter>")]
    Share,
    /// Other protocols cannot name it.
    #[error(transparent)]
    Subtopic(#[from] model::TopicError),
}

/// Splits a topic into its channel and what follows `messages`: nothing, or `/` and levels.
fn split(text: &str) -> Result<(ChannelId, &str), TopicError> {
    if text.is_empty() || text.contains('\0') {
        return Err(TopicError::Text);
    }
    let after = text.strip_prefix(PREFIX).ok_or(TopicError::Shape)?;
    let end = memchr::memchr(b'/', after.as_bytes()).ok_or(TopicError::Shape)?;
    let (id, rest) = after.split_at(end);
    let tail = rest.strip_prefix(SUFFIX).ok_or(TopicError::Shape)?;
    if !tail.is_empty() && !tail.starts_with('/') {
        return Err(TopicError::Shape);
    }
    if memchr::memchr2(b'+', b'#', id.as_bytes()).is_some() {
        return Err(TopicError::Shape);
    }
    let channel = id.parse().map_err(|_| TopicError::Channel)?;
    if tail.len() > MAX_BYTES || levels(tail).nth(MAX_LEVELS).is_some() {
        return Err(TopicError::Levels);
    }
    Ok((channel, tail))
}

/// Returns the absolute form of a topic or filter: one that does not begin with `channels/` is below the default channel.
pub(crate) fn absolute(text: &str, default: Option<ChannelId>) -> Cow<'_, str> {
    match default {
        Some(channel) if !text.is_empty() && !text.starts_with(PREFIX) => {
            format!("{PREFIX}{channel}{SUFFIX}/{text}").into()
        }
        Some(_) | None => text.into(),
    }
}

/// Returns the relative form of a topic, given as what follows `messages`, unless that would be read as another topic.
pub(crate) fn relative(tail: &str) -> Option<&str> {
    let text = tail.strip_prefix('/')?;
    (!text.is_empty() && !text.starts_with(PREFIX)).then_some(text)
}

/// Returns the levels of what follows `messages`, empty ones included.
pub(crate) fn levels(tail: &str) -> impl Iterator<Item = &str> {
    tail.split('/').skip(1)
}

/// Returns what follows `messages` in a topic that was checked before.
pub fn tail(topic: &str) -> &str {
    topic
        .get(PREFIX.len() + ID + SUFFIX.len()..)
        .unwrap_or_default()
}
