use model::{ChannelId, Subtopic};

use super::{TopicError, split};

/// The topic name of a PUBLISH, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicName<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The channel.
    pub channel: ChannelId,
    /// What follows `messages`: nothing, or `/` and levels.
    pub tail: &'a str,
}

/// Where the other protocols find a message published on MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The dotted subtopic, without the levels that name a content type.
    pub subtopic: Subtopic,
    /// The content type the topic names, possibly empty.
    pub content_type: String,
}

impl<'a> TopicName<'a> {
    /// Checks a topic name.
    ///
    /// # Errors
    /// When it has a wildcard, or is not that of a channel.
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        if memchr::memchr2(b'+', b'#', text.as_bytes()).is_some() {
            return Err(TopicError::Wildcard);
        }
        let (channel, tail) = split(text)?;
        Ok(Self {
            text,
            channel,
            tail,
        })
    }

    /// Returns the subtopic and the content type that this topic stands for on other protocols.
    ///
    /// # Errors
    /// When the subtopic is too long for them.
    pub fn route(&self) -> Result<Route, TopicError> {
        let (levels, content_type) = match content_type(self.tail) {
            Some((levels, name)) => (levels, name.replacen('_', "/", 1).replacen('-', "+", 1)),
            None => (self.tail, String::new()),
        };
        Ok(Route {
            subtopic: Subtopic::from_mqtt(levels)?,
            content_type,
        })
    }
}

/// Splits the content type off a tail that ends in `/ct/<type>` (contract section 5.4); dots separate like slashes there.
fn content_type(tail: &str) -> Option<(&str, &str)> {
    const SEPARATORS: [char; 2] = ['/', '.'];
    let (rest, name) = tail.trim_end_matches(SEPARATORS).rsplit_once(SEPARATORS)?;
    let (levels, marker) = rest.trim_end_matches(SEPARATORS).rsplit_once(SEPARATORS)?;
    // A content type ends up in headers, so whatever could break one is an ordinary level.
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    (marker == "ct" && plain).then_some((levels, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str = "7d3c3f4a-5f0e-4a39-9a6e-1d9f0a5b8c11";

    fn route(tail: &str) -> (String, String) {
        let text = format!("channels/{CHANNEL}/messages{tail}");
        let name = TopicName::parse(&text).unwrap();
        assert_eq!(name.tail, tail);
        assert_eq!(crate::topic::tail(&text), tail);
        let route = name.route().unwrap();
        (route.subtopic.to_string(), route.content_type)
    }

    fn refused(text: &str) -> TopicError {
        TopicName::parse(text).unwrap_err()
    }

    #[test]
    fn levels_become_a_subtopic() {
        for (tail, subtopic) in [
            ("", ""),
            ("/", ""),
            ("/a", "a"),
            ("/a//b.c/", "a.b.c"),
            ("/x y", "x%20y"),
        ] {
            assert_eq!(route(tail), (subtopic.to_owned(), String::new()), "{tail}");
        }
    }

    #[test]
    fn the_last_two_levels_may_name_a_content_type() {
        for (tail, subtopic, content_type) in [
            ("/ct/application_senml-json", "", "application/senml+json"),
            ("/a/b/ct/text_plain_x-y-z", "a.b", "text/plain_x+y-z"),
            ("/a.ct.x", "a", "x"),
            ("/ct//x/", "", "x"),
            ("/ct", "ct", ""),
            ("/ct/x/y", "ct.x.y", ""),
            ("/ct/a.b", "ct.a.b", ""),
            ("/ct/x y", "ct.x%20y", ""),
            ("/xct/y", "xct.y", ""),
        ] {
            assert_eq!(
                route(tail),
                (subtopic.to_owned(), content_type.to_owned()),
                "{tail}"
            );
        }
    }

    #[test]
    fn other_topics_are_refused() {
        let channel = format!("channels/{CHANNEL}");
        assert_eq!(refused(""), TopicError::Text);
        assert_eq!(refused("a\0b"), TopicError::Text);
        assert_eq!(
            refused(&format!("{channel}/messages/a+b")),
            TopicError::Wildcard
        );
        assert_eq!(
            refused(&format!("{channel}/messages/#")),
            TopicError::Wildcard
        );
        assert_eq!(refused("$SYS/broker"), TopicError::Shape);
        assert_eq!(refused(&channel), TopicError::Shape);
        assert_eq!(refused(&format!("/{channel}/messages")), TopicError::Shape);
        assert_eq!(
            refused(&format!("{channel}/messagesXYZ")),
            TopicError::Shape
        );
        assert_eq!(refused(&format!("{channel}/other")), TopicError::Shape);
        assert_eq!(refused("channels/1/messages"), TopicError::Channel);
        assert_eq!(
            refused(&format!("{channel}/messages{}", "/".repeat(129))),
            TopicError::Levels
        );
    }

    #[test]
    fn a_topic_too_long_for_other_protocols_has_no_route() {
        let text = format!("channels/{CHANNEL}/messages/{}", "a".repeat(2047));
        let route = TopicName::parse(&text).unwrap().route();
        assert_eq!(route, Err(TopicError::Subtopic(model::TopicError::Length)));
        assert_eq!(refused(&format!("{text}a")), TopicError::Levels);
    }
}
