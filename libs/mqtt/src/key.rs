use std::fmt;
use std::sync::Arc;

use model::{ChannelId, ThingId};
use sha2::{Digest, Sha256};

/// What a session is known by. Client ids are free text, so each counts within its thing only: no thing can take over
/// the session of another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    pub(crate) thing: ThingId,
    pub(crate) client_id: Arc<str>,
}

impl ClientKey {
    pub(crate) fn new(thing: ThingId, client_id: &str) -> Self {
        Self {
            thing,
            client_id: client_id.into(),
        }
    }

    /// Returns the key of the stored session; client ids may hold what keys may not, so they are hashed.
    pub(crate) fn bucket_key(&self) -> String {
        format!("{}/{}", self.thing, self.fingerprint())
    }

    /// Returns the name of the durable consumer that is this session's queue for a channel.
    pub(crate) fn consumer(&self, channel: ChannelId) -> String {
        format!("mqtt-{}-{}-{}", self.thing, self.fingerprint(), channel)
    }

    fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.client_id.as_bytes());
        digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}", self.thing, self.client_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_whatever_the_client_calls_itself() {
        let thing = ThingId::random();
        let nasty = ClientKey::new(thing, "a b/../#+\u{7f}é");
        let name = nasty.consumer(ChannelId::random());
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{name}"
        );
        assert!(nasty.bucket_key().len() <= 256);
        assert_ne!(
            nasty.bucket_key(),
            ClientKey::new(thing, "other").bucket_key()
        );
        assert_ne!(
            nasty.bucket_key(),
            ClientKey::new(ThingId::random(), "a b/../#+\u{7f}é").bucket_key()
        );
    }
}
