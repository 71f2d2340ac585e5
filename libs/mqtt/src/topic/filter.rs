use std::fmt;
use std::hash::{Hash, Hasher};

use model::ChannelId;

use super::{TopicError, absolute, levels, split};

/// A topic filter below one channel, checked; wildcards are possible after `messages`.
///
/// Filters are equal when their absolute texts are: that is how UNSUBSCRIBE finds a subscription.
#[derive(Clone, Debug)]
pub struct TopicFilter {
    text: Box<str>,
    channel: ChannelId,
    /// Where in the text the part after `messages` starts.
    tail_at: usize,
    /// How long the group of a shared subscription is.
    group: Option<usize>,
    wildcard: bool,
    /// Whether the client wrote it without its channel.
    relative: bool,
}

const SHARE: &str = "$share/";

impl TopicFilter {
    /// Checks a filter, `$share/<group>/` before it included.
    ///
    /// # Errors
    /// When it breaks the grammar of MQTT, or is not below the messages of one channel.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        Self::parse_in(text, None)
    }

    /// As [`Self::parse`], for a thing with this default channel: a filter that does not begin with `channels/` is below it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn parse_in(text: &str, default: Option<ChannelId>) -> Result<Self, TopicError> {
        let (group, filter) = match text.strip_prefix(SHARE) {
            Some(shared) => shared
                .split_once('/')
                .filter(|(group, filter)| {
                    !group.is_empty() && !group.contains(['+', '#']) && !filter.is_empty()
                })
                .map(|(group, filter)| (Some(group), filter))
                .ok_or(TopicError::Share)?,
            None => (None, text),
        };
        let written = filter.len();
        let filter = absolute(filter, default);
        let wildcard = check_wildcards(&filter)?;
        let (channel, tail) = split(&filter)?;
        let text = match group {
            Some(group) => format!("{SHARE}{group}/{filter}"),
            None => filter.to_string(),
        };
        Ok(Self {
            channel,
            tail_at: text.len() - tail.len(),
            group: group.map(str::len),
            wildcard,
            relative: filter.len() > written,
            text: text.into(),
        })
    }

    /// Says whether the client wrote it without its channel.
    pub(crate) fn with_relative(self, relative: bool) -> Self {
        Self { relative, ..self }
    }

    /// Returns the same relative filter below another channel.
    pub(crate) fn moved_to(&self, channel: ChannelId) -> Self {
        let text = self
            .text
            .replacen(&self.channel.to_string(), &channel.to_string(), 1);
        Self {
            text: text.into(),
            channel,
            ..self.clone()
        }
    }

    /// Tells whether the client wrote it without its channel, and gets its messages that way.
    pub(crate) fn is_relative(&self) -> bool {
        self.relative
    }

    /// Returns the text with its channel, whether the client wrote that or not.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the channel.
    pub fn channel(&self) -> ChannelId {
        self.channel
    }

    /// Returns what follows `messages`: nothing, or `/` and levels.
    pub fn tail(&self) -> &str {
        &self.text[self.tail_at..]
    }

    /// Returns the group of a shared subscription.
    pub fn group(&self) -> Option<&str> {
        let length = self.group?;
        Some(&self.text[SHARE.len()..SHARE.len() + length])
    }

    /// Tells whether there is a wildcard, so that several topics may match.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Tells whether a topic matches, given as its channel and what follows `messages` (MQTT 3.1.1 section 4.7).
    pub fn matches(&self, channel: ChannelId, tail: &str) -> bool {
        if self.channel != channel || self.is_kept_from(tail) {
            return false;
        }
        let mut theirs = levels(tail);
        for mine in levels(self.tail()) {
            match (mine, theirs.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (mine, Some(theirs)) if mine == theirs => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }
}

impl TopicFilter {
    /// Tells whether a topic begins with `$` where the client wrote a wildcard at the beginning of a relative filter
    /// (MQTT 3.1.1 section 4.7.2).
    pub(crate) fn is_kept_from(&self, tail: &str) -> bool {
        self.relative
            && tail.starts_with("/$")
            && matches!(levels(self.tail()).next(), Some("+" | "#"))
    }
}

impl PartialEq for TopicFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TopicFilter {}

impl Hash for TopicFilter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Refuses misplaced wildcards, and tells whether there are others.
fn check_wildcards(filter: &str) -> Result<bool, TopicError> {
    let mut found = false;
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let alone = level == "+" || (level == "#" && levels.peek().is_none());
        if !alone && level.contains(['+', '#']) {
            return Err(TopicError::Wildcard);
        }
        found |= alone;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHANNEL: &str = "7d3c3f4a-5f0e-4a39-9a6e-1d9f0a5b8c11";

    fn filter(tail: &str) -> TopicFilter {
        TopicFilter::parse(&format!("channels/{CHANNEL}/messages{tail}")).unwrap()
    }

    fn matches(filter_tail: &str, tail: &str) -> bool {
        filter(filter_tail).matches(CHANNEL.parse().unwrap(), tail)
    }

    #[test]
    fn wildcards_match_as_in_mqtt() {
        assert!(matches("", "") && !matches("", "/") && !matches("", "/a"));
        assert!(matches("/a", "/a") && !matches("/a", "/a/") && !matches("/a", ""));
        assert!(matches("/#", "") && matches("/#", "/") && matches("/#", "/a/b"));
        assert!(matches("/a/#", "/a") && matches("/a/#", "/a/b/c") && !matches("/a/#", "/b"));
        assert!(
            matches("/+", "/")
                && matches("/+", "/a")
                && !matches("/+", "")
                && !matches("/+", "/a/b")
        );
        assert!(matches("/+/b", "/a/b") && matches("/+/b", "//b"));
        assert!(matches("/+/+", "/a/") && !matches("/+/+", "/a"));
        assert!(matches("/+/#", "/a") && !matches("/+/#", ""));
        assert!(!filter("").matches(ChannelId::random(), ""));
    }

    #[test]
    fn the_parts_of_a_shared_subscription() {
        let text = format!("$share/group a/channels/{CHANNEL}/messages/+");
        let filter = TopicFilter::parse(&text).unwrap();
        assert_eq!(filter.group(), Some("group a"));
        assert_eq!(filter.tail(), "/+");
        assert_eq!(filter.as_str(), text);
        assert!(filter.is_wildcard());
        assert_eq!(self::filter("/a").group(), None);
        assert!(!self::filter("/a").is_wildcard());
    }

    #[test]
    fn a_relative_filter_is_below_the_default_channel() {
        let default = CHANNEL.parse().unwrap();
        let parse = |text| TopicFilter::parse_in(text, Some(default)).unwrap();
        for (text, tail) in [
            ("a/+", "/a/+"),
            ("/a", "//a"),
            ("#", "/#"),
            ("channels", "/channels"),
        ] {
            let relative = parse(text);
            assert!(relative.is_relative() && relative.channel() == default);
            assert_eq!(relative, filter(tail));
            assert!(!filter(tail).is_relative());
        }
        let shared = parse("$share/g/a");
        assert_eq!((shared.group(), shared.tail()), (Some("g"), "/a"));
        let elsewhere = ChannelId::random();
        let moved = shared.moved_to(elsewhere);
        assert_eq!((moved.channel(), moved.group()), (elsewhere, Some("g")));
        assert_eq!(moved.tail(), "/a");
        assert!(!parse(filter("/a").as_str()).is_relative());
        let refused = |text| TopicFilter::parse_in(text, Some(default)).unwrap_err();
        assert_eq!(refused("channels/x"), TopicError::Shape);
        assert_eq!(refused("a#"), TopicError::Wildcard);
        assert_eq!(refused(""), TopicError::Text);
    }

    #[test]
    fn a_relative_wildcard_does_not_reach_topics_that_begin_with_a_dollar() {
        let default: ChannelId = CHANNEL.parse().unwrap();
        let parse = |text| TopicFilter::parse_in(text, Some(default)).unwrap();
        for (filter, matches) in [("#", false), ("+/b", false), ("$a/#", true), ("$a/b", true)] {
            assert_eq!(parse(filter).matches(default, "/$a/b"), matches, "{filter}");
        }
        assert!(matches("/#", "/$a/b"), "the dollar is not at its beginning");
    }

    #[test]
    fn other_filters_are_refused() {
        let refused = |text: &str| TopicFilter::parse(text).unwrap_err();
        let channel = format!("channels/{CHANNEL}");
        for text in [
            "#",
            "+/a",
            "+",
            "channels/+/messages",
            "channels/#",
            "$SYS/#",
            "a/b",
        ] {
            assert_eq!(refused(text), TopicError::Shape, "{text}");
        }
        for tail in ["/#/a", "/a#", "/a+", "/##", "/a/#b"] {
            assert_eq!(
                refused(&format!("{channel}/messages{tail}")),
                TopicError::Wildcard,
                "{tail}"
            );
        }
        for text in [
            "$share/g",
            "$share//x",
            "$share/g/",
            "$share/+/x",
            "$share/",
        ] {
            assert_eq!(refused(text), TopicError::Share, "{text}");
        }
        assert_eq!(refused(""), TopicError::Text);
        assert_eq!(refused("channels/x/messages/#"), TopicError::Channel);
        assert_eq!(
            refused(&format!("{channel}/messages{}", "/+".repeat(129))),
            TopicError::Levels
        );
    }

    /// Matches whole levels as MQTT 3.1.1 section 4.7 says it, without a thought for channels.
    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => naive(filter, topic),
            ([mine, filter @ ..], [theirs, topic @ ..]) => mine == theirs && naive(filter, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_specification(
            filter in "(/(a|b|\\+|)){0,4}(/#)?",
            topic in "(/(a|b|c|)){0,4}",
        ) {
            let filter = format!("channels/{CHANNEL}/messages{filter}");
            let topic = format!("channels/{CHANNEL}/messages{topic}");
            let name = super::super::TopicName::parse(&topic).unwrap();
            let levels: Vec<&str> = filter.split('/').collect();
            let expected = naive(&levels, &topic.split('/').collect::<Vec<_>>());
            let parsed = TopicFilter::parse(&filter).unwrap();
            prop_assert_eq!(parsed.matches(name.channel, name.tail), expected);
            prop_assert_eq!(parsed.is_wildcard(), filter.contains(['+', '#']));
        }

        #[test]
        fn any_text_is_a_filter_or_not(text in "\\PC{0,80}|(\\$share/[a+#]{0,2}/)?channels/[+#0-9a-f-]{0,36}/messages[a/+#]{0,9}") {
            if let Ok(filter) = TopicFilter::parse(&text) {
                prop_assert_eq!(filter.as_str(), text.as_str());
                prop_assert!(text.ends_with(filter.tail()));
            }
        }
    }
}
