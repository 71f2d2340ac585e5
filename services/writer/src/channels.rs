use std::sync::Arc;
use std::time::Duration;

use config::Period;
use model::{ChannelId, ErrorKind, Result};
use proto::things::Things;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tokio::time::Instant;

/// The key in a channel's metadata below which its owner says how its messages are stored.
const KEY: &str = "history";
/// How long an answer is used.
const FRESH: Duration = Duration::from_secs(10);
/// How many answers are remembered.
const CAPACITY: usize = 10_000;

/// How the owner of a channel wants its messages to be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Whether JSON objects are time series.
    pub(crate) flatten: bool,
    /// How old records get.
    pub(crate) max_age: Option<Duration>,
    /// How many bytes they take.
    pub(crate) max_bytes: Option<u64>,
}

/// What the owners of channels want, asked for once in a while.
pub(crate) struct Channels {
    things: Arc<dyn Things>,
    known: Cache<ChannelId, (Instant, Wishes)>,
}

impl Channels {
    pub(crate) fn new(things: Arc<dyn Things>) -> Self {
        Self {
            things,
            known: Cache::new(CAPACITY),
        }
    }

    /// Returns what the owner of a channel wants; of one that is gone nobody wants anything.
    pub(crate) async fn wishes(&self, channel: ChannelId) -> Result<Wishes> {
        if let Some((asked, wishes)) = self.known.get(&channel)
            && asked.elapsed() < FRESH
        {
            return Ok(wishes);
        }
        let wishes = match self.things.channel_metadata(channel).await {
            Ok(metadata) => Wishes::of(&metadata, channel),
            Err(error) if error.kind == ErrorKind::NotFound => Wishes::default(),
            Err(error) => return Err(error),
        };
        self.known.insert(channel, (Instant::now(), wishes));
        Ok(wishes)
    }
}

impl Wishes {
    fn of(metadata: &Map<String, Value>, channel: ChannelId) -> Self {
        let mut wishes = Self::default();
        let Some(Value::Object(history)) = metadata.get(KEY) else {
            return wishes;
        };
        for (name, value) in history {
            let understood = match name.as_str() {
                "json" => value.as_bool().map(|flatten| wishes.flatten = flatten),
                "max_age" => age(value).map(|age| wishes.max_age = Some(age)),
                "max_bytes" => value.as_u64().map(|bytes| wishes.max_bytes = Some(bytes)),
                _ => None,
            };
            if understood.is_none() {
                tracing::warn!(channel.id = %channel, name, "what the metadata says below `{KEY}` is not understood");
            }
        }
        wishes
    }
}

/// Reads `"30d"`, or a number of seconds.
fn age(value: &Value) -> Option<Duration> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse().ok().map(Period::get)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wishes(metadata: Value) -> Wishes {
        let Value::Object(metadata) = metadata else {
            panic!("metadata is an object")
        };
        Wishes::of(&metadata, ChannelId::random())
    }

    #[test]
    fn an_owner_says_it_in_the_metadata() {
        let days = Duration::from_secs(30 * 24 * 3600);
        assert_eq!(
            wishes(json!({"history": {"json": true, "max_age": "30d", "max_bytes": 1000}})),
            Wishes {
                flatten: true,
                max_age: Some(days),
                max_bytes: Some(1000)
            }
        );
        assert_eq!(
            wishes(json!({"history": {"max_age": 60}})).max_age,
            Some(Duration::from_secs(60))
        );
    }

    #[test]
    fn what_is_not_understood_changes_nothing() {
        for metadata in [
            json!({}),
            json!({"history": true}),
            json!({"history": {"json": "yes", "max_age": "x", "max_bytes": -1, "other": 1}}),
        ] {
            assert_eq!(wishes(metadata), Wishes::default());
        }
    }
}
