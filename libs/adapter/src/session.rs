use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use messaging::Protocol;
use model::{Action, ChannelId, Result, ThingId};
use tokio_util::sync::CancellationToken;

use crate::access::overtaken;
use crate::adapter::Adapter;
use crate::{Presented, registry};

/// How often opening is tried again because a change overtook it.
const ATTEMPTS: usize = 8;

/// How often the clock is looked at while a certificate lasts.
const CLOCK_STEP: Duration = Duration::from_secs(60);

/// What a device presents when it opens a connection.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What says who it is.
    pub presented: Presented,
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
    /// When the certificate it came with expires.
    until: Option<SystemTime>,
}

impl Session {
    pub(crate) async fn open(adapter: &Adapter, new: NewSession) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let (access, since) = (adapter.access(), adapter.now());
            let thing = access.identify(&new.presented).await?;
            if let Some(channel) = new.channel {
                access.authorize(thing, channel, Action::Subscribe).await?;
            }
            let entry = registry::Entry::new(thing, &new);
            let cut = Arc::clone(&entry.cut);
            if let Some(id) = adapter.registry().open(entry, since)? {
                return Ok(Self {
                    adapter: adapter.clone(),
                    id,
                    thing,
                    cut,
                    until: new.presented.certificate().map(|cert| cert.not_after),
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
        // Most sessions have no end of their own, and shall not have the room for one.
        let end = self.until.map(|until| Box::pin(self.end(until)));
        async move {
            match end {
                Some(end) => tokio::select! {
                    () = cut.token.cancelled() => {}
                    () = end => {}
                },
                None => cut.token.cancelled().await,
            }
            cut.reason.get().copied().unwrap_or(CutReason::Unverified)
        }
    }

    /// Cuts the session when its certificate expires.
    fn end(&self, until: SystemTime) -> impl Future<Output = ()> + Send + 'static {
        let (adapter, id) = (self.adapter.clone(), self.id);
        async move {
            // In steps, because the clock may be set meanwhile.
            while let Ok(rest) = until.duration_since(SystemTime::now())
                && !rest.is_zero()
            {
                tokio::time::sleep(rest.min(CLOCK_STEP)).await;
            }
            adapter.registry().cut(id, CutReason::CertificateExpired);
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
    /// The certificate it came with has expired.
    CertificateExpired,
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
            Self::CertificateExpired => "certificate_expired",
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
            Self::CertificateRemoved => "the certificate was removed or revoked",
            Self::CertificateExpired => "the certificate has expired",
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
