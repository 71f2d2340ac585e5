use std::any::Any;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Action, ChannelId, Result, ThingId};

/// Who may connect, and what a thing may do with a channel.
///
/// The engine asks [`Access::cached`] for every PUBLISH and waits for [`Access::decide`] only when that does not know;
/// meanwhile later packets of the same connection wait and those of others do not.
#[async_trait]
pub trait Access: Send + Sync + 'static {
    /// Admits the thing that the credentials of a CONNECT belong to.
    ///
    /// # Errors
    /// The kind becomes the reason of the CONNACK, the message its reason string.
    async fn connect(&self, request: &ConnectRequest<'_>) -> Result<Box<dyn Admission>>;

    /// Tells whether the thing is known to be allowed this, without waiting.
    fn cached(&self, thing: ThingId, channel: ChannelId, action: Action) -> bool;

    /// Succeeds when the thing is allowed this.
    ///
    /// # Errors
    /// `Forbidden` when it is not; other kinds when that could not be found out.
    async fn decide(&self, thing: ThingId, channel: ChannelId, action: Action) -> Result<()>;
}

/// What a connection was let in with, and what it may receive since; dropping it ends that.
#[async_trait]
pub trait Admission: Send + Sync {
    /// Returns the thing that is connected.
    fn thing(&self) -> ThingId;

    /// Returns the channel that topics and filters without one are below, if there is one.
    fn default_channel(&self) -> Option<ChannelId> {
        None
    }

    /// Succeeds when the thing may receive from the channel; from then on losing that right resolves [`Self::lost`].
    ///
    /// # Errors
    /// As [`Access::decide`].
    async fn join(&self, channel: ChannelId) -> Result<()>;

    /// Undoes one [`Self::join`].
    fn leave(&self, channel: ChannelId);

    /// Resolves when the connection has lost a right it rests on and must end.
    fn lost(&self) -> Lost;
}

/// Resolves to what a connection has lost.
pub type Lost = Pin<Box<dyn Future<Output = Loss> + Send>>;

/// What a connection has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The thing itself: its session goes too.
    Thing,
    /// The credentials it came with; the session stays for those who have the new ones.
    Credentials,
    /// The right to a channel it receives from; those subscriptions leave the session.
    Channel,
    /// The means to find out whether its rights still hold.
    Certainty,
}

/// What a CONNECT says about who is asking.
#[derive(Clone, Copy)]
pub struct ConnectRequest<'a> {
    /// The user name.
    pub username: Option<&'a str>,
    /// The password.
    pub password: Option<&'a [u8]>,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// What whoever attached the connection noted about it, see [`Origin::known`].
    pub known: Option<&'a (dyn Any + Send + Sync)>,
}

/// Where a connection comes from.
#[derive(Clone)]
pub struct Origin {
    /// The address of the client.
    pub peer: SocketAddr,
    /// What is known of the client besides, such as its certificate: the engine hands it to [`Access::connect`] unseen.
    pub known: Option<Arc<dyn Any + Send + Sync>>,
}

impl From<SocketAddr> for Origin {
    fn from(peer: SocketAddr) -> Self {
        Self { peer, known: None }
    }
}
