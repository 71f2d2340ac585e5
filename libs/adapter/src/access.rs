use std::future::Future;
use std::sync::Arc;

use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, ThingId};
use proto::things::Things;
use sha2::{Digest, Sha256};

use crate::Fingerprint;
use crate::cache::{Cache, KeyDigest, Right};
use crate::epochs::Epoch;
use crate::flights::Flights;
use crate::metrics::Answers;

/// How often a question is asked again because a change overtook its answer.
const ATTEMPTS: usize = 8;

/// Answers who somebody is and what they may do, from the cache or else from the registry.
///
/// Only what is allowed is cached: a refusal is asked for again, so a new connection works at once.
pub(crate) struct Access {
    things: Arc<dyn Things>,
    pub(crate) cache: Arc<Cache>,
    identities: Flights<Presented, ThingId>,
    rights: Flights<Right, ()>,
    answers: Answers,
}

/// A question after an identity, without the secret.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Presented {
    Key(KeyDigest, Option<ThingId>),
    Certificate(Fingerprint),
}

impl Access {
    pub(crate) fn new(things: Arc<dyn Things>, cache: Cache) -> Self {
        Self {
            things,
            cache: Arc::new(cache),
            identities: Flights::new(),
            rights: Flights::new(),
            answers: Answers::new(),
        }
    }

    /// Tells who presents a key, a certificate, or both; both must name the same thing.
    pub(crate) async fn identify(
        &self,
        credentials: Option<&Credentials>,
        certificate: Option<&Fingerprint>,
    ) -> Result<ThingId> {
        let by_key = match credentials {
            Some(credentials) => Some(self.by_key(credentials).await?),
            None => None,
        };
        let by_certificate = match certificate {
            Some(certificate) => Some(self.by_certificate(certificate).await?),
            None => None,
        };
        match (by_key, by_certificate) {
            (Some(key), Some(certificate)) if key != certificate => Err(unauthenticated(
                "credentials_disagree",
                "the key and the certificate are those of different things",
            )),
            (Some(thing), _) | (None, Some(thing)) => Ok(thing),
            (None, None) => Err(unauthenticated(
                "credentials_missing",
                "present the key or the certificate of a thing",
            )),
        }
    }

    pub(crate) async fn by_key(&self, credentials: &Credentials) -> Result<ThingId> {
        let (named, key) = match credentials {
            Credentials::Key(key) => (None, key),
            Credentials::Pair(thing, key) => (Some(*thing), key),
        };
        if key.is_empty() {
            return Err(unauthenticated(
                "credentials_missing",
                "the key of a thing is never empty",
            ));
        }
        let digest: KeyDigest = Sha256::digest(key.expose().as_bytes()).into();
        // A key that moved to another thing a moment ago may still be cached, so only agreement is an answer.
        let cached = self.cache.key(&digest);
        if let Some(thing) = cached.filter(|thing| named.is_none_or(|named| named == *thing)) {
            self.answers.hit.increment(1);
            return Ok(thing);
        }
        self.answers.miss.increment(1);
        let (things, cache) = (Arc::clone(&self.things), Arc::clone(&self.cache));
        let credentials = credentials.clone();
        let call = async move {
            ask(&cache, async |since| {
                let thing = things.authenticate(&credentials).await?;
                Ok(cache.put_key(digest, thing, since).then_some(thing))
            })
            .await
        };
        self.identities
            .share(Presented::Key(digest, named), call)
            .await
    }

    async fn by_certificate(&self, fingerprint: &Fingerprint) -> Result<ThingId> {
        let fingerprint = *fingerprint;
        if let Some(thing) = self.cache.certificate(&fingerprint) {
            self.answers.hit.increment(1);
            return Ok(thing);
        }
        self.answers.miss.increment(1);
        let (things, cache) = (Arc::clone(&self.things), Arc::clone(&self.cache));
        let call = async move {
            ask(&cache, async |since| {
                let thing = things.authenticate_certificate(fingerprint.bytes()).await?;
                let good = cache.put_certificate(fingerprint, thing, since);
                Ok(good.then_some(thing))
            })
            .await
        };
        self.identities
            .share(Presented::Certificate(fingerprint), call)
            .await
    }

    /// Succeeds when the thing may do this.
    pub(crate) async fn authorize(
        &self,
        thing: ThingId,
        channel: ChannelId,
        action: Action,
    ) -> Result<()> {
        let right = (thing, channel, action);
        if self.cache.right(&right) {
            self.answers.hit.increment(1);
            return Ok(());
        }
        self.answers.miss.increment(1);
        let (things, cache) = (Arc::clone(&self.things), Arc::clone(&self.cache));
        let call = async move {
            ask(&cache, async |since| {
                things.authorize(thing, channel, action).await?;
                Ok(cache.put_right(right, since).then_some(()))
            })
            .await
        };
        self.rights.share(right, call).await
    }
}

/// Asks until no change overtakes the answer.
async fn ask<A, F>(cache: &Cache, attempt: impl Fn(Epoch) -> F) -> Result<A>
where
    F: Future<Output = Result<Option<A>>>,
{
    for _ in 0..ATTEMPTS {
        if let Some(answer) = attempt(cache.epochs.now()).await? {
            return Ok(answer);
        }
    }
    Err(overtaken())
}

/// The registry changes faster than it can be asked: no answer is known to be true.
pub(crate) fn overtaken() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "registry_changing",
        "the registry is changing right now; try again",
    )
}

fn unauthenticated(code: &'static str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, code, hint)
}
