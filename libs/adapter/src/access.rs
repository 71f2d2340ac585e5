use std::future::Future;
use std::sync::Arc;

use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, ThingId};
use proto::things::{CERTIFICATE_UNKNOWN, Things};
use sha2::{Digest, Sha256};
use tls::PeerCert;

use crate::cache::{Cache, KeyDigest, Right};
use crate::epochs::Epoch;
use crate::flights::Flights;
use crate::metrics::{self, Answers};
use crate::names::Names;
use crate::presented::{Presented, refused};
use crate::turns::Turns;
use crate::{Fingerprint, Settings};

/// How often a question is asked again because a change overtook its answer.
const ATTEMPTS: usize = 8;

/// Answers who somebody is and what they may do, from the cache or else from the registry.
///
/// Only what is allowed is cached: a refusal is asked for again, so a new connection works at once.
pub(crate) struct Access {
    source: Source,
    names: Names,
    identities: Flights<Question, ThingId>,
    rights: Flights<Right, ()>,
    default_channels: Flights<ThingId, Option<ChannelId>>,
    answers: Answers,
}

/// Where answers come from, and where they are kept.
#[derive(Clone)]
struct Source {
    things: Arc<dyn Things>,
    cache: Arc<Cache>,
    turns: Turns,
}

/// A question after an identity, without the secret.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Question {
    Key(KeyDigest, Option<ThingId>),
    Certificate(Fingerprint),
}

impl Access {
    pub(crate) fn new(settings: &Settings, things: Arc<dyn Things>) -> Self {
        let cache = Cache::new(settings.cache_capacity, settings.cache_ttl.get());
        Self {
            source: Source {
                things,
                cache: Arc::new(cache),
                turns: Turns::new(),
            },
            names: Names::new(settings),
            identities: Flights::new(),
            rights: Flights::new(),
            default_channels: Flights::new(),
            answers: Answers::new(),
        }
    }

    /// Returns the answers that are kept.
    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.source.cache
    }

    /// Tells who presents this; all of it must be of one thing.
    pub(crate) async fn identify(&self, presented: &Presented) -> Result<ThingId> {
        let identity = self.agreed(presented).await;
        if let Err(error) = &identity
            && error.kind == ErrorKind::Unauthenticated
        {
            metrics::refusals(&error.code).increment(1);
            tracing::debug!(?presented, code = %error.code, "a device is refused");
        }
        identity
    }

    async fn agreed(&self, presented: &Presented) -> Result<ThingId> {
        if let Some(thing) = presented.as_assumed() {
            return Ok(thing);
        }
        let (credentials, certificate) = presented.proofs()?;
        let by_certificate = match certificate {
            Some(certificate) => Some(self.by_certificate(certificate).await?),
            None => None,
        };
        let by_key = match credentials {
            Some(credentials) => Some(self.by_key(credentials).await?),
            None => None,
        };
        match (by_key, by_certificate) {
            (Some(key), Some(certificate)) if key != certificate => Err(refused(
                "credentials_disagree",
                "the key and the certificate are those of different things",
            )),
            (Some(thing), _) | (None, Some(thing)) => Ok(thing),
            (None, None) => Err(refused(
                "credentials_missing",
                "present the key or the certificate of a thing",
            )),
        }
    }

    async fn by_key(&self, credentials: &Credentials) -> Result<ThingId> {
        let (named, key) = match credentials {
            Credentials::Key(key) => (None, key),
            Credentials::Pair(thing, key) => (Some(*thing), key),
        };
        if key.is_empty() {
            return Err(refused(
                "credentials_missing",
                "the key of a thing is never empty",
            ));
        }
        let digest: KeyDigest = Sha256::digest(key.expose().as_bytes()).into();
        // A key that moved to another thing a moment ago may still be cached, so only agreement is an answer.
        let cached = self.source.cache.key(&digest);
        if let Some(thing) = cached.filter(|thing| named.is_none_or(|named| named == *thing)) {
            self.answers.hit.increment(1);
            return Ok(thing);
        }
        self.answers.miss.increment(1);
        let source = self.source.clone();
        let credentials = credentials.clone();
        let call = async move {
            source
                .ask(async |since| {
                    let thing = source.things.authenticate(&credentials).await?;
                    Ok(source.cache.put_key(digest, thing, since).then_some(thing))
                })
                .await
        };
        self.identities
            .share(Question::Key(digest, named), call)
            .await
    }

    /// Tells whose a certificate is: what is registered counts first, then what it says itself.
    async fn by_certificate(&self, certificate: &PeerCert) -> Result<ThingId> {
        if certificate.is_expired() {
            return Err(refused(
                "certificate_expired",
                "the certificate has expired",
            ));
        }
        let fingerprint = Fingerprint::from(certificate.sha256);
        if let Some(thing) = self.source.cache.certificate(&fingerprint) {
            self.answers.hit.increment(1);
            return Ok(thing);
        }
        self.answers.miss.increment(1);
        let named = self.names.thing(certificate);
        let key = self.names.key(certificate);
        let source = self.source.clone();
        let call = async move {
            source
                .ask(async |since| {
                    let registered = source
                        .things
                        .authenticate_certificate(fingerprint.bytes(), named);
                    let thing = match (registered.await, &key) {
                        (Err(error), Some(key)) if error.code == CERTIFICATE_UNKNOWN => {
                            let thing = source.things.authenticate(key).await?;
                            metrics::keys_in_names().increment(1);
                            thing
                        }
                        (registered, _) => registered?,
                    };
                    if named.is_some_and(|named| named != thing) {
                        return Err(refused(
                            "credentials_disagree",
                            "the certificate names another thing than it is registered for",
                        ));
                    }
                    let good = source.cache.put_certificate(fingerprint, thing, since);
                    Ok(good.then_some(thing))
                })
                .await
        };
        self.identities
            .share(Question::Certificate(fingerprint), call)
            .await
    }

    /// Returns the default channel of a thing, if it has one.
    pub(crate) async fn default_channel(&self, thing: ThingId) -> Result<Option<ChannelId>> {
        if let Some(channel) = self.source.cache.default_channel(thing) {
            self.answers.hit.increment(1);
            return Ok(channel);
        }
        self.answers.miss.increment(1);
        let source = self.source.clone();
        let call = async move {
            source
                .ask(async |since| {
                    let channel = source.things.default_channel(thing).await?;
                    let good = source.cache.put_default_channel(thing, channel, since);
                    Ok(good.then_some(channel))
                })
                .await
        };
        self.default_channels.share(thing, call).await
    }

    /// Succeeds when the thing may do this.
    pub(crate) async fn authorize(
        &self,
        thing: ThingId,
        channel: ChannelId,
        action: Action,
    ) -> Result<()> {
        let right = (thing, channel, action);
        if self.source.cache.right(&right) {
            self.answers.hit.increment(1);
            return Ok(());
        }
        self.answers.miss.increment(1);
        let source = self.source.clone();
        let call = async move {
            source
                .ask(async |since| {
                    source.things.authorize(thing, channel, action).await?;
                    Ok(source.cache.put_right(right, since).then_some(()))
                })
                .await
        };
        self.rights.share(right, call).await
    }
}

impl Source {
    /// Asks until no change overtakes the answer.
    async fn ask<A, F>(&self, attempt: impl Fn(Epoch) -> F) -> Result<A>
    where
        F: Future<Output = Result<Option<A>>>,
    {
        for _ in 0..ATTEMPTS {
            let question = || attempt(self.cache.epochs.now());
            if let Some(answer) = self.turns.take(question).await? {
                return Ok(answer);
            }
        }
        Err(overtaken())
    }
}

/// The registry changes faster than it can be asked: no answer is known to be true.
pub(crate) fn overtaken() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "registry_changing",
        "the registry is changing right now; try again",
    )
}
