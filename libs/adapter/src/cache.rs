use std::time::{Duration, Instant};

use model::{Action, ChannelId, ThingId};

use crate::Fingerprint;
use crate::epochs::{Epoch, Epochs, Subject};

/// The SHA-256 of a thing's key: the cache never holds the key itself.
pub(crate) type KeyDigest = [u8; 32];

/// What is asked about a right.
pub(crate) type Right = (ThingId, ChannelId, Action);

/// An answer, the epoch before it was asked for, and the end of its time.
type Kept<T> = (T, Epoch, Instant);

/// The positive answers of the registry, bounded in number and time.
///
/// Void answers stay until something takes their place; they are never returned.
pub(crate) struct Cache {
    pub(crate) epochs: Epochs,
    ttl: Duration,
    keys: quick_cache::sync::Cache<KeyDigest, Kept<ThingId>>,
    certificates: quick_cache::sync::Cache<Fingerprint, Kept<ThingId>>,
    rights: quick_cache::sync::Cache<Right, Kept<()>>,
    default_channels: quick_cache::sync::Cache<ThingId, Kept<Option<ChannelId>>>,
}

impl Cache {
    pub(crate) fn new(capacity: usize, ttl: Duration) -> Self {
        Self {
            epochs: Epochs::new(),
            ttl,
            keys: quick_cache::sync::Cache::new(capacity),
            certificates: quick_cache::sync::Cache::new(capacity),
            rights: quick_cache::sync::Cache::new(capacity),
            default_channels: quick_cache::sync::Cache::new(capacity),
        }
    }

    pub(crate) fn key(&self, digest: &KeyDigest) -> Option<ThingId> {
        let (thing, since, until) = self.keys.get(digest)?;
        (self.is_of(since, thing) && Instant::now() < until).then_some(thing)
    }

    pub(crate) fn certificate(&self, fingerprint: &Fingerprint) -> Option<ThingId> {
        let (thing, since, until) = self.certificates.get(fingerprint)?;
        (self.is_by(since, thing, *fingerprint) && Instant::now() < until).then_some(thing)
    }

    pub(crate) fn right(&self, right: &Right) -> bool {
        let Some(((), since, until)) = self.rights.get(right) else {
            return false;
        };
        self.epochs.is_right_good(since, right.0, right.1) && Instant::now() < until
    }

    /// Returns the default channel of a thing, if it is known whether there is one.
    pub(crate) fn default_channel(&self, thing: ThingId) -> Option<Option<ChannelId>> {
        let (channel, since, until) = self.default_channels.get(&thing)?;
        (self.is_of(since, thing) && Instant::now() < until).then_some(channel)
    }

    /// As [`Self::put_key`], for the default channel of a thing.
    pub(crate) fn put_default_channel(
        &self,
        thing: ThingId,
        channel: Option<ChannelId>,
        since: Epoch,
    ) -> bool {
        self.default_channels
            .insert(thing, (channel, since, self.until()));
        self.is_of(since, thing)
    }

    /// Keeps an answer; says whether it is still good, or was overtaken by a change.
    pub(crate) fn put_key(&self, digest: KeyDigest, thing: ThingId, since: Epoch) -> bool {
        self.keys.insert(digest, (thing, since, self.until()));
        self.is_of(since, thing)
    }

    /// As [`Self::put_key`], for a certificate.
    pub(crate) fn put_certificate(
        &self,
        fingerprint: Fingerprint,
        thing: ThingId,
        since: Epoch,
    ) -> bool {
        self.certificates
            .insert(fingerprint, (thing, since, self.until()));
        self.is_by(since, thing, fingerprint)
    }

    /// As [`Self::put_key`], for a right.
    pub(crate) fn put_right(&self, right: Right, since: Epoch) -> bool {
        self.rights.insert(right, ((), since, self.until()));
        self.epochs.is_right_good(since, right.0, right.1)
    }

    fn is_of(&self, since: Epoch, thing: ThingId) -> bool {
        self.epochs.is_good(since, Subject::Thing(thing))
    }

    fn is_by(&self, since: Epoch, thing: ThingId, fingerprint: Fingerprint) -> bool {
        self.is_of(since, thing)
            && self
                .epochs
                .is_good(since, Subject::Certificate(fingerprint))
    }

    fn until(&self) -> Instant {
        Instant::now() + self.ttl
    }
}
