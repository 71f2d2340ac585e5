use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messaging::{Bus, Buses, Filter, LiveGuard, LiveSender, Message, Seq};
use model::{Action, BoxError, ChannelId, Error, ErrorKind, Result, ThingId};
use proto::Event;
use proto::things::Things;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::Access;
use crate::epochs::Epoch;
use crate::follower::Follower;
use crate::metrics::Messages;
use crate::presented::Presented;
use crate::registry::Registry;
use crate::session::{NewSession, Session};
use crate::settings::Settings;

/// The shared part of the device protocols; clones are the same adapter.
#[derive(Clone)]
pub struct Adapter(Arc<Inner>);

struct Inner {
    access: Access,
    registry: Registry,
    things: Arc<dyn Things>,
    messages: Arc<dyn Bus<Message>>,
    events: Arc<dyn Bus<Event>>,
    counts: Messages,
    instance: Uuid,
    changes_interval: Duration,
    following: AtomicBool,
}

impl Adapter {
    /// Makes an adapter over the registry and the buses; `instance` marks the messages that came in here.
    pub fn new(
        settings: &Settings,
        things: Arc<dyn Things>,
        buses: &Buses,
        instance: Uuid,
    ) -> Self {
        let access = Access::new(settings, Arc::clone(&things));
        let registry = Registry::new(Arc::clone(access.cache()), settings.sessions_per_thing);
        Self(Arc::new(Inner {
            access,
            registry,
            things,
            messages: Arc::clone(&buses.messages),
            events: Arc::clone(&buses.events),
            counts: Messages::new(),
            instance,
            changes_interval: settings.changes_interval.get(),
            following: AtomicBool::new(false),
        }))
    }

    /// Tells which thing presents this.
    ///
    /// # Errors
    /// `Unauthenticated` when it is not what was demanded, is no thing's, or is not all of the same thing; `Unavailable`
    /// or `Timeout` when the answer is not cached and the registry does not give it.
    pub async fn authenticate(&self, presented: &Presented) -> Result<ThingId> {
        self.0.access.identify(presented).await
    }

    /// Tells whether the thing is known to be allowed; when not, [`Self::authorize`] finds out.
    pub fn cached(&self, thing: ThingId, channel: ChannelId, action: Action) -> bool {
        self.0.access.cache().right(&(thing, channel, action))
    }

    /// Succeeds when the thing may do this on the channel.
    ///
    /// # Errors
    /// `Forbidden` when it may not, or either does not exist; else as [`Self::authenticate`].
    pub async fn authorize(
        &self,
        thing: ThingId,
        channel: ChannelId,
        action: Action,
    ) -> Result<()> {
        self.0.access.authorize(thing, channel, action).await
    }

    /// Returns where the relative topics of a thing lead, if anywhere.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` when the answer is not cached and the registry does not give it.
    pub async fn default_channel(&self, thing: ThingId) -> Result<Option<ChannelId>> {
        self.0.access.default_channel(thing).await
    }

    /// Opens the session of a connection: authenticates it, joins its channel, and registers it to be cut.
    ///
    /// # Errors
    /// As [`Self::authenticate`] and [`Self::authorize`]; `Exhausted` when the thing has too many already.
    pub async fn session(&self, new: NewSession) -> Result<Session> {
        Session::open(self, new).await
    }

    /// Returns how many sessions are live.
    pub fn sessions(&self) -> usize {
        self.0.registry.count()
    }

    /// Publishes a message the caller has authorized; returns when it is as durable as configured.
    ///
    /// A subtopic that is a wildcard is taken for a name, as in 0.9.
    ///
    /// # Errors
    /// As [`Bus::publish`], and `Invalid` when that name is too long.
    pub async fn publish(&self, mut message: Message) -> Result<Seq> {
        message.subtopic = message.subtopic.into_target()?;
        message.origin = Some(self.0.instance);
        let protocol = message.protocol.clone();
        let published = self.0.messages.publish(Arc::new(message)).await;
        match &published {
            Ok(_) => self.0.counts.accepted(&protocol).increment(1),
            Err(_) => self.0.counts.refused.increment(1),
        }
        published
    }

    /// Adds what the filter chooses to a queue, until the guard is dropped; the caller has authorized it.
    pub async fn subscribe(
        &self,
        filter: Filter,
        queue: &LiveSender<Message>,
    ) -> Result<LiveGuard> {
        self.0.messages.live(filter, queue).await
    }

    /// Succeeds when messages can be accepted now, and the changes of the registry are being followed.
    pub async fn ready(&self) -> Result<()> {
        if !self.0.following.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "registry_unreachable",
                "the registry of things has not answered yet",
            ));
        }
        self.0.messages.ready().await
    }

    /// Keeps the caches true and cuts sessions, until stopped; without it an answer lives until its time is up.
    ///
    /// # Errors
    /// Never by itself: what cannot be reached is tried again.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        Follower::new(self).run(&stop).await;
        Ok(())
    }

    /// Returns the epoch to note before access is granted.
    pub(crate) fn now(&self) -> Epoch {
        self.0.access.cache().epochs.now()
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn things(&self) -> &dyn Things {
        self.0.things.as_ref()
    }

    pub(crate) fn events(&self) -> &dyn Bus<Event> {
        self.0.events.as_ref()
    }

    pub(crate) fn changes_interval(&self) -> Duration {
        self.0.changes_interval
    }

    pub(crate) fn set_following(&self) {
        self.0.following.store(true, Ordering::Release);
    }
}
