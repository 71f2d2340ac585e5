use std::net::SocketAddr;
use std::sync::Arc;

use adapter::{Adapter, CutReason, DeviceAuth, NewSession, Presented, Session};
use async_trait::async_trait;
use messaging::Protocol;
use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, Secret, ThingId};
use mqtt::{Access, Admission, ConnectRequest, Loss, Lost, Origin};
use server::Secured;
use tls::PeerCert;

/// What a listener of ours knows of a client, and what it demands.
pub(crate) struct Known {
    device_auth: DeviceAuth,
    certificate: Option<Arc<PeerCert>>,
}

impl Known {
    /// Notes it for a connection.
    pub(crate) fn origin(device_auth: DeviceAuth, peer: SocketAddr, secured: &Secured) -> Origin {
        let known = Self {
            device_auth,
            certificate: secured.certificate(),
        };
        Origin {
            peer,
            known: Some(Arc::new(known)),
        }
    }
}

/// Lets things in by their key or their certificate, and asks the adapter for the rest.
pub(crate) struct Gate {
    adapter: Adapter,
    /// What is demanded of those who came by the engine's own listener, which knows nothing of them.
    device_auth: DeviceAuth,
    /// The thing those of them are taken for who present nothing.
    anonymous: Option<ThingId>,
}

impl Gate {
    pub(crate) fn new(
        adapter: Adapter,
        device_auth: DeviceAuth,
        anonymous: Option<ThingId>,
    ) -> Self {
        Self {
            adapter,
            device_auth,
            anonymous,
        }
    }
}

#[async_trait]
impl Access for Gate {
    async fn connect(&self, request: &ConnectRequest<'_>) -> Result<Box<dyn Admission>> {
        let known = request
            .known
            .and_then(|known| known.downcast_ref::<Known>());
        let (device_auth, certificate) = match known {
            Some(known) => (known.device_auth, known.certificate.clone()),
            None => (self.device_auth, None),
        };
        let named = request.username.and_then(|name| name.parse().ok());
        let credentials = credentials(named, request.password)?;
        let presented = match self.anonymous {
            Some(thing) if known.is_none() && credentials.is_none() => Presented::assumed(thing),
            Some(_) | None => Presented::new(device_auth, credentials, certificate),
        };
        let new = NewSession {
            presented,
            channel: None,
            protocol: Protocol::Mqtt,
        };
        let session = self.adapter.session(new).await?;
        if named.is_some_and(|named| named != session.thing()) {
            return Err(not_the_one_named());
        }
        let default_channel = self.adapter.default_channel(session.thing()).await?;
        Ok(Box::new(Admitted {
            session,
            default_channel,
        }))
    }

    fn cached(&self, thing: ThingId, channel: ChannelId, action: Action) -> bool {
        self.adapter.cached(thing, channel, action)
    }

    async fn decide(&self, thing: ThingId, channel: ChannelId, action: Action) -> Result<()> {
        self.adapter.authorize(thing, channel, action).await
    }
}

/// Reads the credentials of a CONNECT: the password is the key, an empty one is none; a user name that is an id must be
/// that of the thing, any other is ignored as in 0.9 (contract section 5.2).
fn credentials(named: Option<ThingId>, password: Option<&[u8]>) -> Result<Option<Credentials>> {
    let Some(password) = password.filter(|password| !password.is_empty()) else {
        return Ok(None);
    };
    let key = std::str::from_utf8(password).map_err(|_| no_key())?;
    let key = Secret::new(key);
    Ok(Some(match named {
        Some(thing) => Credentials::Pair(thing, key),
        None => Credentials::Key(key),
    }))
}

fn no_key() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "credentials_malformed",
        "the password must be the key of a thing",
    )
}

fn not_the_one_named() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "credentials_disagree",
        "the user name is the id of another thing",
    )
}

struct Admitted {
    session: Session,
    default_channel: Option<ChannelId>,
}

#[async_trait]
impl Admission for Admitted {
    fn thing(&self) -> ThingId {
        self.session.thing()
    }

    fn default_channel(&self) -> Option<ChannelId> {
        self.default_channel
    }

    async fn join(&self, channel: ChannelId) -> Result<()> {
        self.session.join(channel).await
    }

    fn leave(&self, channel: ChannelId) {
        self.session.leave(channel);
    }

    fn lost(&self) -> Lost {
        let cut = self.session.cut();
        Box::pin(async move {
            match cut.await {
                CutReason::ThingRemoved => Loss::Thing,
                CutReason::KeyChanged
                | CutReason::CertificateRemoved
                | CutReason::CertificateExpired => Loss::Credentials,
                CutReason::Disconnected | CutReason::ChannelRemoved => Loss::Channel,
                CutReason::Unverified => Loss::Certainty,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_key_and_an_empty_one_is_none() {
        let thing = ThingId::random();
        let key = Secret::from("k");
        assert_eq!(
            credentials(None, Some(b"k")),
            Ok(Some(Credentials::Key(key.clone())))
        );
        assert_eq!(
            credentials(Some(thing), Some(b"k")),
            Ok(Some(Credentials::Pair(thing, key)))
        );
        for password in [None, Some(&b""[..])] {
            assert_eq!(credentials(Some(thing), password), Ok(None));
        }
        let refused = credentials(Some(thing), Some(&[0xff])).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unauthenticated);
    }
}
