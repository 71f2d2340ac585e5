use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use messaging::Protocol;
use model::{Action, ChannelId, Credentials, Result, ThingId};
use tokio_util::sync::CancellationToken;

use crate::access::overtaken;
use crate::adapter::Adapter;
use crate::{Fingerprint, registry};

/// How often opening is tried again because a change overtook it.
const ATTEMPTS: usize = 8;

/// What a device presents when it opens a connection.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The key it presents, if any.
    pub credentials: Option<Credentials>,
    /// The certificate the transport verified, if any; with a key too, both must be of the same thing.
    pub certificate: Option<Fingerprint>,
    /// The channel the connection is for, when it is for one; it is joined as by [`Session::join`].
    pub channel: Option<ChannelId>,
    /// The protocol it comes by.
    pub protocol: Protocol,
}

/// A live connection of a thing; dropping it takes it out of the registry of sessions.
#[must_use = "a session can only be cut while it is kept"]
pub struct Session {
    adapter: Adapter,
    id: u64,
    thing: ThingId,
    cut: Arc<Cut>,
}

impl Session {
    pub(crate) async fn open(adapter: &Adapter, new: NewSession) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let (access, since) = (adapter.access(), adapter.now());
            let (credentials, certificate) = (new.credentials.as_ref(), new.certificate.as_ref());
            let thing = access.identify(credentials, certificate).await?;
            if let Some(channel) = new.channel {
                access.authorize(thing, channel, Action::Subscribe).await?;
            }
            let entry = registry::Entry::new(thing, &new);
            let cut = Arc::clone(&entry.cut);
            if let Some(id) = adapter.registry().open(entry, since)? {
                let adapter = adapter.clone();
                return Ok(Self {
                    adapter,
                    id,
                    thing,
                    cut,
                });
            }
        }
        Err(overtaken())
    }

    /// Returns the thing whose connection this is.
    pub fn thing(&self) -> ThingId {
        self.thing
    }

    /// Resolves when the connection must be ended, with the reason to tell the device.
    pub fn cut(&self) -> impl Future<Output = CutReason> + Send + 'static {
        let cut = Arc::clone(&self.cut);
        async move {
            cut.token.cancelled().await;
            cut.reason.get().copied().unwrap_or(CutReason::Unverified)
        }
    }

    /// Returns the reason when the connection must be ended, without waiting.
    pub fn is_cut(&self) -> Option<CutReason> {
        self.cut.reason.get().copied()
    }

    /// Authorizes receiving from a channel and notes that the session does, so that losing the right cuts it.
    ///
    /// To be called before subscribing; each join is undone by one [`Self::leave`].
    pub async fn join(&self, channel: ChannelId) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let since = self.adapter.now();
            let access = self.adapter.access();
            access
                .authorize(self.thing, channel, Action::Subscribe)
                .await?;
            if self.adapter.registry().join(self.id, channel, since) {
                return Ok(());
            }
        }
        Err(overtaken())
    }

    /// Notes that the session no longer receives from a channel by one of its subscriptions.
    pub fn leave(&self, channel: ChannelId) {
        self.adapter.registry().leave(self.id, channel);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.adapter.registry().close(self.id);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("thing", &self.thing)
            .finish_non_exhaustive()
    }
}

/// Why a live connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CutReason {
    /// The thing is gone.
    ThingRemoved,
    /// The key it came with is no longer the thing's.
    KeyChanged,
    /// The certificate it came with is no longer registered.
    CertificateRemoved,
    /// The thing was disconnected from a channel the session receives from.
    Disconnected,
    /// A channel the session receives from is gone.
    ChannelRemoved,
    /// Its right may have changed, and the registry could not confirm it.
    Unverified,
}

impl CutReason {
    /// Returns the stable code, as in metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::ThingRemoved => "thing_removed",
            Self::KeyChanged => "key_changed",
            Self::CertificateRemoved => "certificate_removed",
            Self::Disconnected => "disconnected",
            Self::ChannelRemoved => "channel_removed",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for CutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThingRemoved => "the thing was removed",
            Self::KeyChanged => "the key of the thing was changed",
            Self::CertificateRemoved => "the certificate was removed",
            Self::Disconnected => "the thing was disconnected from the channel",
            Self::ChannelRemoved => "the channel was removed",
            Self::Unverified => "the access could not be confirmed",
        })
    }
}

/// The signal from the registry of sessions to the task of one connection.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    token: CancellationToken,
    reason: OnceLock<CutReason>,
}

impl Cut {
    /// Gives the signal; says whether it is the first.
    pub(crate) fn give(&self, reason: CutReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.token.cancel();
        first
    }
}
