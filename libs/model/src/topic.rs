use std::fmt;

use percent_encoding::{percent_decode_str, percent_encode_byte};

use crate::{Error, ErrorKind};

/// The longest subtopic accepted, in bytes of its dotted form.
const MAX_BYTES: usize = 1024;
/// The most elements a subtopic may have.
const MAX_ELEMENTS: usize = 64;

/// The tail of a topic in its dotted form, such as `room.temperature`; empty for the channel itself.
///
/// Elements are never empty, and hold no control characters and no white space: the text goes into
/// bus subjects (contract section 0.7, wart W7).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtopic(String);

/// Why a text is no subtopic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// A percent escape is cut short or is not UTF-8.
    #[error("the subtopic has a percent escape that is not valid UTF-8")]
    Escape,
    /// White space or a control character.
    #[error("a subtopic must not contain white space or control characters")]
    Character,
    /// A wildcard that is not an element by itself, or one where none may be.
    #[error("'*' and '>' are wildcards: each stands alone as an element")]
    Wildcard,
    /// Too many bytes or elements.
    #[error("a subtopic has at most 1024 bytes and 64 elements")]
    Length,
}

impl From<TopicError> for Error {
    fn from(error: TopicError) -> Self {
        Self::new(ErrorKind::Invalid, "subtopic_malformed", error.to_string())
    }
}

impl Subtopic {
    /// Parses what follows `/messages` in a path of the HTTP and WebSocket adapters, escapes included.
    ///
    /// `/` and `.` both separate, empty elements vanish, `+` is a space as in forms (and so refused).
    /// A `*` or `>` that stands alone is kept: it is a wildcard to a subscriber, see [`Self::is_wildcard`].
    pub fn from_path(path: &str) -> Result<Self, TopicError> {
        check_escapes(path)?;
        let plain = path.replace('+', " ");
        let decoded = percent_decode_str(&plain)
            .decode_utf8()
            .map_err(|_| TopicError::Escape)?;
        Self::from_levels(&decoded)
    }

    /// Parses levels separated by `/` or `.`, without escapes.
    pub fn from_levels(text: &str) -> Result<Self, TopicError> {
        if text.len() > MAX_BYTES {
            return Err(TopicError::Length);
        }
        let mut joined = String::with_capacity(text.len());
        let mut count = 0;
        for element in text.split(['/', '.']).filter(|element| !element.is_empty()) {
            check_element(element)?;
            count += 1;
            if count > MAX_ELEMENTS {
                return Err(TopicError::Length);
            }
            if !joined.is_empty() {
                joined.push('.');
            }
            joined.push_str(element);
        }
        Ok(Self(joined))
    }

    /// Makes a subtopic of what follows `/messages` in an MQTT topic name.
    ///
    /// Levels are split as by [`Self::from_levels`]. What a bus subject cannot carry, and a lone `*` or `>`, which is an
    /// ordinary level on MQTT, is percent-escaped; other bytes stay, `%` among them, so two topics may become one subtopic.
    pub fn from_mqtt(levels: &str) -> Result<Self, TopicError> {
        let mut escaped = String::with_capacity(levels.len());
        for c in levels.chars() {
            if c.is_control() || c.is_whitespace() || matches!(c, '*' | '>') {
                let mut utf8 = [0; 4];
                escaped.extend(c.encode_utf8(&mut utf8).bytes().map(percent_encode_byte));
            } else {
                escaped.push(c);
            }
        }
        Self::from_levels(&escaped)
    }

    /// Returns the dotted form, empty for the channel itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether there is no subtopic.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').filter(|element| !element.is_empty())
    }

    /// Returns where a message to this subtopic goes: a `*` or `>` that stands alone becomes an ordinary, escaped element.
    ///
    /// 0.9 takes such messages (contract section 0.7); the bus cannot carry a wildcard in the subject of one.
    ///
    /// # Errors
    /// When that makes it too long.
    pub fn into_target(self) -> Result<Self, TopicError> {
        if !self.is_wildcard() {
            return Ok(self);
        }
        let escaped = self.elements().map(|element| match element {
            "*" => "%2A",
            ">" => "%3E",
            element => element,
        });
        Self::from_levels(&escaped.collect::<Vec<_>>().join("."))
    }

    /// Tells whether an element is a wildcard: then it names many subtopics.
    pub fn is_wildcard(&self) -> bool {
        self.elements().any(|element| matches!(element, "*" | ">"))
    }

    /// Tells whether this pattern covers `other`: `*` is one element, a final `>` one or more.
    pub fn matches(&self, other: &Self) -> bool {
        let mut theirs = other.elements();
        for mine in self.elements() {
            match (mine, theirs.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (mine, Some(theirs)) if mine == theirs => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }
}

impl fmt::Display for Subtopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses a `%` that two hexadecimal digits do not follow; the decoder would let it through as it is.
fn check_escapes(path: &str) -> Result<(), TopicError> {
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
        if byte == b'%' && !(hex(rest.next()) && hex(rest.next())) {
            return Err(TopicError::Escape);
        }
    }
    Ok(())
}

fn check_element(element: &str) -> Result<(), TopicError> {
    if element.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(TopicError::Character);
    }
    if element.len() > 1 && element.contains(['*', '>']) {
        return Err(TopicError::Wildcard);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Result<String, TopicError> {
        Subtopic::from_path(text).map(|subtopic| subtopic.to_string())
    }

    #[test]
    fn separators_collapse() {
        for text in ["a.b", "/a///b", "a.b/", "/a..b", "a%2Fb"] {
            assert_eq!(path(text).as_deref(), Ok("a.b"), "{text}");
        }
        assert_eq!(path("///").as_deref(), Ok(""));
    }

    #[test]
    fn wildcards_stand_alone() {
        assert_eq!(path("a.b*c.d"), Err(TopicError::Wildcard));
        assert_eq!(path("a/b>"), Err(TopicError::Wildcard));
        assert_eq!(path("a.b.*.c.d").as_deref(), Ok("a.b.*.c.d"));
        assert!(Subtopic::from_path("a/>").is_ok_and(|subtopic| subtopic.is_wildcard()));
    }

    #[test]
    fn what_is_sent_to_a_wildcard_has_a_name_of_its_own() {
        let target = |text: &str| {
            Subtopic::from_levels(text)
                .unwrap()
                .into_target()
                .unwrap()
                .to_string()
        };
        assert_eq!(target("a.*.c"), "a.%2A.c");
        assert_eq!(target(">"), "%3E");
        assert_eq!(target("a.b"), "a.b");
        let pattern = Subtopic::from_levels("a.*.c").unwrap();
        assert!(pattern.matches(&pattern.clone().into_target().unwrap()));
    }

    #[test]
    fn a_target_is_no_longer_than_others_read() {
        let with = |length: usize| Subtopic::from_levels(&format!("{}.*", "a".repeat(length)));
        assert_eq!(with(1022).unwrap().into_target(), Err(TopicError::Length));
        let target = with(1020).unwrap().into_target().unwrap();
        assert_eq!(Subtopic::from_levels(target.as_str()), Ok(target));
    }

    #[test]
    fn w7_control_characters_and_white_space_are_refused() {
        for text in ["a%0d%0aPUB", "a%20b", "a+b", "a%00", "a\tb", "a%C2%A0b"] {
            assert_eq!(path(text), Err(TopicError::Character), "{text}");
        }
    }

    #[test]
    fn bad_escapes_are_refused() {
        for text in ["%", "%4", "%zz", "a%", "%ff"] {
            assert_eq!(path(text), Err(TopicError::Escape), "{text}");
        }
    }

    #[test]
    fn mqtt_levels_are_escaped_where_the_bus_needs_it() {
        let mqtt = |text: &str| Subtopic::from_mqtt(text).map(|subtopic| subtopic.to_string());
        assert_eq!(mqtt("/a//b.c/").as_deref(), Ok("a.b.c"));
        assert_eq!(mqtt("/a b/\u{1}/50%").as_deref(), Ok("a%20b.%01.50%"));
        assert_eq!(mqtt("/*/>/a>b").as_deref(), Ok("%2A.%3E.a%3Eb"));
        assert_eq!(mqtt("/\u{a0}").as_deref(), Ok("%C2%A0"));
        assert_eq!(mqtt(&" ".repeat(342)), Err(TopicError::Length));
    }

    #[test]
    fn length_is_bounded() {
        assert_eq!(path(&"a".repeat(1025)), Err(TopicError::Length));
        assert_eq!(path(&"a/".repeat(65)), Err(TopicError::Length));
        assert!(path(&"a/".repeat(64)).is_ok());
    }

    #[test]
    fn patterns_match_as_on_the_bus() {
        let matches = |pattern: &str, text: &str| {
            Subtopic::from_levels(pattern)
                .unwrap()
                .matches(&Subtopic::from_levels(text).unwrap())
        };
        assert!(matches("", ""));
        assert!(!matches("", "a"));
        assert!(matches("a", "a"));
        assert!(!matches("a", "a.b"));
        assert!(matches(">", "a") && matches(">", "a.b.c"));
        assert!(!matches(">", ""));
        assert!(matches("*", "a"));
        assert!(!matches("*", "a.b"));
        assert!(matches("a.*.c", "a.b.c"));
        assert!(matches("a.>", "a.b.c") && !matches("a.>", "a"));
    }

    proptest! {
        #[test]
        fn every_mqtt_topic_of_bearable_length_is_a_subtopic_no_pattern(text in "\\PC{0,40}|[a-z./%*> \r\n]{0,40}") {
            let subtopic = Subtopic::from_mqtt(&text).unwrap();
            prop_assert!(!subtopic.is_wildcard());
            prop_assert!(!subtopic.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
            prop_assert_eq!(&Subtopic::from_mqtt(subtopic.as_str()).unwrap(), &subtopic);
        }

        #[test]
        fn whatever_is_accepted_is_safe_and_stable(text in "\\PC{0,40}|[a-z./%*> +\r\n]{0,40}") {
            if let Ok(subtopic) = Subtopic::from_path(&text) {
                prop_assert!(!subtopic.as_str().chars().any(|c| c.is_control() || c.is_whitespace()));
                prop_assert_eq!(&Subtopic::from_levels(subtopic.as_str()).unwrap(), &subtopic);
                prop_assert!(subtopic.as_str().len() <= MAX_BYTES);
            }
        }
    }
}
