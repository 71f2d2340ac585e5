use model::{ChannelId, Error, ErrorKind, Result, Subtopic};

/// The path of messages, `/channels/<id>/messages` and an optional tail, as it came: escapes not decoded.
///
/// Taking it apart is cheap and cannot fail once it has this shape; what is wrong inside is told when asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePath<'a> {
    channel: &'a str,
    tail: &'a str,
}

impl<'a> MessagePath<'a> {
    /// Takes a path apart, or returns nothing when it is not one of messages.
    pub fn split(path: &'a str) -> Option<Self> {
        let (channel, rest) = path.strip_prefix("/channels/")?.split_once('/')?;
        let tail = rest.strip_prefix("messages")?;
        (tail.is_empty() || tail.starts_with('/')).then_some(Self { channel, tail })
    }

    /// Returns the channel.
    ///
    /// # Errors
    /// `Invalid` when it has characters no channel id has (contract section 0.7); `Forbidden` when it is an id
    /// nobody has been given, as for any channel that does not exist.
    pub fn channel(&self) -> Result<ChannelId> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if self.channel.is_empty() || !self.channel.bytes().all(legal) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "channel_malformed",
                "a channel id has letters, digits, '-' and '_' only",
            ));
        }
        self.channel.parse().map_err(|_| {
            Error::new(
                ErrorKind::Forbidden,
                "channel_forbidden",
                "the thing is not connected to this channel",
            )
        })
    }

    /// Returns the subtopic, which may be a wildcard.
    ///
    /// # Errors
    /// `Invalid` when it has a bad escape, a character that may not be in it, or is too long.
    pub fn subtopic(&self) -> Result<Subtopic> {
        if self.tail.is_empty() {
            return Ok(Subtopic::default());
        }
        Ok(Subtopic::from_path(self.tail)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    fn kind(path: &str) -> Option<ErrorKind> {
        let path = MessagePath::split(path).unwrap();
        path.channel()
            .err()
            .or(path.subtopic().err())
            .map(|error| error.kind)
    }

    #[test]
    fn other_paths_are_not_of_messages() {
        for path in [
            "",
            "/",
            "/channels",
            "/channels/",
            "/channels/x",
            "/channels/x/",
            "/channels/x/messagesx",
            "/version",
        ] {
            assert_eq!(MessagePath::split(path), None, "{path}");
        }
    }

    #[test]
    fn the_tail_is_the_subtopic() {
        for (tail, subtopic) in [
            ("", ""),
            ("/", ""),
            ("/a/b", "a.b"),
            ("/a%2Fb", "a.b"),
            ("/a///b.", "a.b"),
            ("/*", "*"),
        ] {
            let text = format!("/channels/{ID}/messages{tail}");
            let path = MessagePath::split(&text).unwrap();
            assert_eq!(path.channel().unwrap().to_string(), ID);
            assert_eq!(path.subtopic().unwrap().as_str(), subtopic, "{tail}");
        }
    }

    #[test]
    fn an_id_that_cannot_be_is_wrong_and_one_that_nobody_has_is_forbidden() {
        for channel in [
            "",
            "a b",
            "%20",
            "a.b",
            "é",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
        ] {
            assert_eq!(
                kind(&format!("/channels/{channel}/messages")),
                Some(ErrorKind::Invalid),
                "{channel}"
            );
        }
        for channel in ["1", "my_channel-7", "67e5504410b1426f9247bb680e5fe0c8"] {
            assert_eq!(
                kind(&format!("/channels/{channel}/messages")),
                Some(ErrorKind::Forbidden),
                "{channel}"
            );
        }
    }

    #[test]
    fn bad_tails_are_invalid() {
        for tail in ["/%", "/a%0d%0aPUB", "/a+b", "/a.b*c.d"] {
            assert_eq!(
                kind(&format!("/channels/{ID}/messages{tail}")),
                Some(ErrorKind::Invalid),
                "{tail}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_accepted_can_reach_another_channel(tail in "\\PC{0,40}|[a-z./%*> +\r\n0-9]{0,40}") {
            let text = format!("/channels/{ID}/messages/{tail}");
            let path = MessagePath::split(&text).unwrap();
            if let (Ok(channel), Ok(subtopic)) = (path.channel(), path.subtopic()) {
                prop_assert_eq!(channel.to_string(), ID);
                prop_assert!(subtopic.as_str().split('.').all(|element| !element.contains(['/', ' ', '\r', '\n'])));
            }
        }

        #[test]
        fn any_text_is_taken_apart_without_a_panic(text in "\\PC{0,60}|/channels/\\PC{0,40}") {
            if let Some(path) = MessagePath::split(&text) {
                let _ = (path.channel(), path.subtopic());
            }
        }
    }
}
