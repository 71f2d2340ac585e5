use std::future::Future;
use std::sync::Arc;

use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, ThingId};
use proto::things::Things;
use sha2::{Digest, Sha256};

use crate::Fingerprint;
use crate::cache::{Cache, Identity, KeyDigest, Right};
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
    identities: Flights<Presented, Identity>,
    rights: Flights<Right, Epoch>,
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
    ) -> Result<Identity> {
        match (credentials, certificate) {
            (Some(credentials), None) => self.by_key(credentials).await,
            (None, Some(certificate)) => self.by_certificate(certificate).await,
            (Some(credentials), Some(certificate)) => {
                let (key, certificate) = (
                    self.by_key(credentials).await?,
                    self.by_certificate(certificate).await?,
                );
                if key.thing != certificate.thing {
                    return Err(unauthenticated(
                        "credentials_disagree",
                        "the key and the certificate are those of different things",
                    ));
                }
                Ok(Identity {
                    since: key.since.min(certificate.since),
                    ..key
                })
            }
            (None, None) => Err(unauthenticated(
                "credentials_missing",
                "present the key or the certificate of a thing",
            )),
        }
    }

    pub(crate) async fn by_key(&self, credentials: &Credentials) -> Result<Identity> {
        let (Credentials::Key(key) | Credentials::Pair(_, key)) = credentials;
        if key.is_empty() {
            return Err(unauthenticated(
                "credentials_missing",
                "the key of a thing is never empty",
            ));
        }
        let named = match credentials {
            Credentials::Key(_) => None,
            Credentials::Pair(thing, _) => Some(*thing),
        };
        let digest: KeyDigest = Sha256::digest(key.expose().as_bytes()).into();
        // A key that moved to another thing a moment ago may still be cached, so only agreement is an answer.
        let cached = self.cache.key(&digest);
        if let Some(identity) =
            cached.filter(|identity| named.is_none_or(|named| named == identity.thing))
        {
            self.answers.hit.increment(1);
            return Ok(identity);
        }
        self.answers.miss.increment(1);
        let (things, cache, credentials) = (
            Arc::clone(&self.things),
            Arc::clone(&self.cache),
            credentials.clone(),
        );
        let call = async move {
            ask(&cache, async |since| {
                let identity = Identity {
                    thing: things.authenticate(&credentials).await?,
                    since,
                };
                Ok(cache.put_key(digest, identity).then_some(identity))
            })
            .await
        };
        self.identities
            .share(Presented::Key(digest, named), call)
            .await
    }

    pub(crate) async fn by_certificate(&self, fingerprint: &Fingerprint) -> Result<Identity> {
        let fingerprint = *fingerprint;
        if let Some(identity) = self.cache.certificate(&fingerprint) {
            self.answers.hit.increment(1);
            return Ok(identity);
        }
        self.answers.miss.increment(1);
        let (things, cache) = (Arc::clone(&self.things), Arc::clone(&self.cache));
        let call = async move {
            ask(&cache, async |since| {
                let thing = things.authenticate_certificate(fingerprint.bytes()).await?;
                let identity = Identity { thing, since };
                Ok(cache
                    .put_certificate(fingerprint, identity)
                    .then_some(identity))
            })
            .await
        };
        self.identities
            .share(Presented::Certificate(fingerprint), call)
            .await
    }

    /// Succeeds when the thing may do this, and tells since when that is known.
    pub(crate) async fn authorize(
        &self,
        thing: ThingId,
        channel: ChannelId,
        action: Action,
    ) -> Result<Epoch> {
        let right = (thing, channel, action);
        if let Some(since) = self.cache.right(&right) {
            self.answers.hit.increment(1);
            return Ok(since);
        }
        self.answers.miss.increment(1);
        let (things, cache) = (Arc::clone(&self.things), Arc::clone(&self.cache));
        let call = async move {
            ask(&cache, async |since| {
                things.authorize(thing, channel, action).await?;
                Ok(cache.put_right(right, since).then_some(since))
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
