use model::Secret;
use uuid::Uuid;

use crate::{Error, Result};

/// The most bytes a key may have.
const MAX_BYTES: usize = 4096;

/// What a thing proves its identity with: random, or chosen by its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Secret);

impl Key {
    /// Accepts 1 to 4096 bytes that a header and a log line could carry.
    ///
    /// # Errors
    /// [`Error::KeyMalformed`].
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > MAX_BYTES || text.contains(char::is_control) {
            return Err(Error::KeyMalformed);
        }
        Ok(Self(Secret::from(text)))
    }

    /// Makes a key that nobody has.
    pub fn random() -> Self {
        Self(Secret::new(Uuid::new_v4().to_string()))
    }

    /// Takes a key that was accepted before.
    pub(crate) fn stored(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// Returns the text of the key.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn length_is_counted_in_bytes() {
        assert!(Key::parse(&"k".repeat(4096)).is_ok());
        assert_eq!(Key::parse(&"k".repeat(4097)), Err(Error::KeyMalformed));
        assert_eq!(Key::parse(&"é".repeat(2049)), Err(Error::KeyMalformed));
        assert_eq!(Key::parse(""), Err(Error::KeyMalformed));
    }

    #[test]
    fn random_keys_are_version_4_uuids() {
        let key = Key::random();
        let uuid: Uuid = key.secret().expose().parse().unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_ne!(key, Key::random());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert!(!format!("{:?}", Key::parse("hunter2").unwrap()).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_kept_as_it_is(text in ".{0,40}|\\PC{0,40}") {
            match Key::parse(&text) {
                Ok(key) => prop_assert_eq!(key.secret().expose(), text),
                Err(_) => prop_assert!(text.is_empty() || text.contains(char::is_control)),
            }
        }
    }
}
