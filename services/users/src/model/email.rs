use std::fmt;
use std::str::FromStr;

use crate::Error;

const MIN_BYTES: usize = 6;
const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;

/// An e-mail address by the rules of contract section 1.1; case counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Takes what a database gives back: it was checked by the rules of its time.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Email {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (local, host) = text.rsplit_once('@').ok_or(Error::EmailMalformed)?;
        if (MIN_BYTES..=MAX_BYTES).contains(&text.len()) && is_local(local) && is_host(host) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::EmailMalformed)
        }
    }
}

fn is_local(local: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte);
    (1..=MAX_LOCAL_BYTES).contains(&local.len())
        && local.bytes().all(allowed)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

/// 0.9 asks for a dot with something on both sides; control characters are refused because no database takes them all.
fn is_host(host: &str) -> bool {
    let inner_dot = |(at, _): (usize, &str)| at > 0 && at + 1 < host.len();
    !host.chars().any(|c| c.is_whitespace() || c.is_control())
        && host.match_indices('.').any(inner_dot)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> bool {
        text.parse::<Email>().is_ok()
    }

    #[test]
    fn what_0_9_accepts() {
        for text in [
            "john.doe@email.com",
            "a@b.cd",
            "a@b..c",
            "!#$%&'*+/=?^_`{|}~-@example.com",
            "a@exämple.com",
            "x@[127.0.0.1]",
            "UPPER@Example.COM",
        ] {
            assert!(accepts(text), "{text}");
        }
        assert!(accepts(&format!("{}@example.com", "a".repeat(64))));
        assert!(accepts(&format!("a@{}.com", "b".repeat(248))));
    }

    #[test]
    fn what_0_9_refuses() {
        for text in [
            "",
            "john",
            "@example.com",
            "a@b.c",
            "john@example",
            "john@.com",
            "john@com.",
            "john@",
            ".john@example.com",
            "john.@example.com",
            "jo..hn@example.com",
            "jo hn@example.com",
            "jö@example.com",
            "a@b@example.com",
            "john@exam ple.com",
            " john@example.com",
            "john@example.com ",
            "john@example.com\0",
        ] {
            assert!(!accepts(text), "{text:?}");
        }
        assert!(!accepts(&format!("{}@example.com", "a".repeat(65))));
        assert!(!accepts(&format!("a@{}.com", "b".repeat(249))));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_keeps_the_rules(text in "\\PC{0,20}@?\\PC{0,20}|[a-z.@]{0,20}|(?s).{0,300}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email.as_str(), text.as_str());
                prop_assert!((6..=254).contains(&text.len()));
                prop_assert!(!text.chars().any(|c| c.is_whitespace() || c.is_control()));
                let (local, host) = text.rsplit_once('@').unwrap();
                prop_assert!(local.is_ascii() && (1..=64).contains(&local.len()));
                prop_assert!(host.len() > 2 && host.contains('.'));
            }
        }

        #[test]
        fn ordinary_addresses_are_accepted(text in "[a-zA-Z0-9]{1,20}(\\.[a-z0-9]{1,10}){0,3}@[a-z0-9-]{2,20}\\.[a-z]{2,6}") {
            prop_assert!(accepts(&text));
        }
    }
}
