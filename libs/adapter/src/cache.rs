use std::time::{Duration, Instant};

use model::{Action, ChannelId, ThingId};

use crate::Fingerprint;
use crate::epochs::{Epoch, Epochs, Subject};

/// The SHA-256 of a thing's key: the cache never holds the key itself.
pub(crate) type KeyDigest = [u8; 32];

/// What is asked about a right.
pub(crate) type Right = (ThingId, ChannelId, Action);

/// Which thing it is, and since when that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) thing: ThingId,
    pub(crate) since: Epoch,
}

/// The positive answers of the registry, bounded in number and time.
///
/// Void answers stay until something takes their place; they are never returned.
pub(crate) struct Cache {
    pub(crate) epochs: Epochs,
    ttl: Duration,
    keys: quick_cache::sync::Cache<KeyDigest, (Identity, Instant)>,
    certificates: quick_cache::sync::Cache<Fingerprint, (Identity, Instant)>,
    rights: quick_cache::sync::Cache<Right, (Epoch, Instant)>,
}

impl Cache {
    pub(crate) fn new(capacity: usize, ttl: Duration) -> Self {
        Self {
            epochs: Epochs::new(),
            ttl,
            keys: quick_cache::sync::Cache::new(capacity),
            certificates: quick_cache::sync::Cache::new(capacity),
            rights: quick_cache::sync::Cache::new(capacity),
        }
    }

    pub(crate) fn key(&self, digest: &KeyDigest) -> Option<Identity> {
        let (identity, until) = self.keys.get(digest)?;
        self.live(identity, until)
    }

    pub(crate) fn certificate(&self, fingerprint: &Fingerprint) -> Option<Identity> {
        let (identity, until) = self.certificates.get(fingerprint)?;
        let good = self
            .epochs
            .is_good(identity.since, Subject::Certificate(*fingerprint));
        self.live(identity, until).filter(|_| good)
    }

    pub(crate) fn right(&self, right: &Right) -> Option<Epoch> {
        let (since, until) = self.rights.get(right)?;
        let good = self.epochs.is_right_good(since, right.0, right.1) && Instant::now() < until;
        good.then_some(since)
    }

    /// Keeps an answer unless it was overtaken; says which.
    pub(crate) fn put_key(&self, digest: KeyDigest, identity: Identity) -> bool {
        self.keys.insert(digest, (identity, self.until()));
        self.epochs
            .is_good(identity.since, Subject::Thing(identity.thing))
    }

    /// As [`Self::put_key`], for a certificate.
    pub(crate) fn put_certificate(&self, fingerprint: Fingerprint, identity: Identity) -> bool {
        self.certificates
            .insert(fingerprint, (identity, self.until()));
        self.epochs
            .is_good(identity.since, Subject::Thing(identity.thing))
            && self
                .epochs
                .is_good(identity.since, Subject::Certificate(fingerprint))
    }

    /// As [`Self::put_key`], for a right.
    pub(crate) fn put_right(&self, right: Right, since: Epoch) -> bool {
        self.rights.insert(right, (since, self.until()));
        self.epochs.is_right_good(since, right.0, right.1)
    }

    fn live(&self, identity: Identity, until: Instant) -> Option<Identity> {
        let good = self
            .epochs
            .is_good(identity.since, Subject::Thing(identity.thing))
            && Instant::now() < until;
        good.then_some(identity)
    }

    fn until(&self) -> Instant {
        Instant::now() + self.ttl
    }
}
