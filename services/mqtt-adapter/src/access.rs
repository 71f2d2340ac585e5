use adapter::{Adapter, CutReason, NewSession, Session};
use async_trait::async_trait;
use messaging::Protocol;
use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, Secret, ThingId};
use mqtt::{Access, Admission, ConnectRequest, Loss, Lost};

/// Lets things in by their key, and asks the adapter for the rest.
pub(crate) struct Gate {
    adapter: Adapter,
}

impl Gate {
    pub(crate) fn new(adapter: Adapter) -> Self {
        Self { adapter }
    }
}

#[async_trait]
impl Access for Gate {
    async fn connect(&self, request: &ConnectRequest<'_>) -> Result<Box<dyn Admission>> {
        let new = NewSession {
            credentials: Some(credentials(request.username, request.password)?),
            certificate: None,
            channel: None,
            protocol: Protocol::Mqtt,
        };
        Ok(Box::new(Admitted(self.adapter.session(new).await?)))
    }

    fn cached(&self, thing: ThingId, channel: ChannelId, action: Action) -> bool {
        self.adapter.cached(thing, channel, action)
    }

    async fn decide(&self, thing: ThingId, channel: ChannelId, action: Action) -> Result<()> {
        self.adapter.authorize(thing, channel, action).await
    }
}

/// Reads the credentials of a CONNECT: the password is the key; a user name that is an id must be that of the thing, any
/// other is ignored as in 0.9 (contract section 5.2).
fn credentials(username: Option<&str>, password: Option<&[u8]>) -> Result<Credentials> {
    let key = password
        .filter(|password| !password.is_empty())
        .and_then(|password| std::str::from_utf8(password).ok())
        .map(Secret::new)
        .ok_or_else(no_key)?;
    Ok(match username.and_then(|name| name.parse().ok()) {
        Some(thing) => Credentials::Pair(thing, key),
        None => Credentials::Key(key),
    })
}

fn no_key() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "key_missing",
        "the password must be the key of a thing",
    )
}

struct Admitted(Session);

#[async_trait]
impl Admission for Admitted {
    fn thing(&self) -> ThingId {
        self.0.thing()
    }

    async fn join(&self, channel: ChannelId) -> Result<()> {
        self.0.join(channel).await
    }

    fn leave(&self, channel: ChannelId) {
        self.0.leave(channel);
    }

    fn lost(&self) -> Lost {
        let cut = self.0.cut();
        Box::pin(async move {
            match cut.await {
                CutReason::ThingRemoved => Loss::Thing,
                CutReason::KeyChanged | CutReason::CertificateRemoved => Loss::Credentials,
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
    fn the_password_is_the_key_and_only_an_id_counts_as_a_user_name() {
        let thing = ThingId::random();
        let id = thing.to_string();
        let key = Secret::from("k");
        assert_eq!(
            credentials(None, Some(b"k")),
            Ok(Credentials::Key(key.clone()))
        );
        assert_eq!(
            credentials(Some("sensor"), Some(b"k")),
            Ok(Credentials::Key(key.clone()))
        );
        assert_eq!(
            credentials(Some(&id), Some(b"k")),
            Ok(Credentials::Pair(thing, key))
        );
        for password in [None, Some(&b""[..]), Some(&[0xff][..])] {
            let refused = credentials(Some(&id), password).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Unauthenticated);
        }
    }
}
