use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use messaging::{Bucket, Buses};
use model::{Action, ChannelId, Error, ErrorKind, Result, ThingId};
use mqtt::{Access, Admission, Config, ConnectRequest, Loss, Lost};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A running engine with all it needs.
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    pub(crate) rights: Arc<Rights>,
    pub(crate) buses: Buses,
    pub(crate) link: mqtt::Link,
    running: JoinSet<()>,
    stop: CancellationToken,
    _data: Option<TempDir>,
}

/// Enough shards that clients of one test end up in different ones.
const SHARDS: usize = 3;

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut broker = Self::on(data.path(), config).await;
        broker._data = Some(data);
        broker
    }

    /// Starts on data that outlives the engine.
    pub(crate) async fn on(data: &Path, config: Config) -> Self {
        let settings = messaging::Config::in_process(data);
        let (buses, driver) = messaging::open(&settings).await.unwrap();
        let mut broker = Self::engine(buses, config).await;
        let bus = driver.run(broker.stop.clone());
        broker.running.spawn(async move { bus.await.unwrap() });
        broker
    }

    /// Starts another node on the same bus, with rights of its own.
    pub(crate) async fn beside(&self) -> Self {
        Self::engine(self.buses.clone(), Config::default()).await
    }

    /// Starts another node that keeps its sessions elsewhere.
    pub(crate) async fn keeping(&self, sessions: Arc<dyn Bucket>) -> Self {
        let buses = Buses {
            sessions,
            ..self.buses.clone()
        };
        Self::engine(buses, Config::default()).await
    }

    async fn engine(buses: Buses, config: Config) -> Self {
        let rights = Arc::new(Rights::default());
        let config = Config {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            shards: SHARDS,
            linger_timeout: Duration::from_millis(200),
            ..config
        };
        let stop = CancellationToken::new();
        let access = Arc::new(Gate(rights.clone()));
        let engine = mqtt::Broker::start(config, access, &buses).await.unwrap();
        let (address, link) = (engine.address().unwrap(), engine.link());
        let mut running = JoinSet::new();
        let engine = engine.run(stop.clone());
        running.spawn(async move { engine.await.unwrap() });
        Self {
            address,
            rights,
            buses,
            link,
            running,
            stop,
            _data: None,
        }
    }

    /// Stops, and makes sure that nothing had failed.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let ended = async {
            while let Some(ended) = self.running.join_next().await {
                ended.unwrap();
            }
        };
        let ended = timeout(Duration::from_secs(20), ended).await;
        ended.expect("the engine stops in time");
    }
}

/// What things may do: everything, except for what was taken away.
pub(crate) struct Rights {
    denied: Mutex<HashSet<(ThingId, ChannelId)>>,
    default_channels: Mutex<HashMap<ThingId, ChannelId>>,
    losses: watch::Sender<Option<(ThingId, Loss)>>,
}

impl Default for Rights {
    fn default() -> Self {
        Self {
            denied: Mutex::default(),
            default_channels: Mutex::default(),
            losses: watch::Sender::new(None),
        }
    }
}

impl Rights {
    pub(crate) fn deny(&self, user: &str, channel: ChannelId) {
        self.denied.lock().insert((thing(user), channel));
    }

    /// Says what the relative topics of a user's thing are below, from its next connection on.
    pub(crate) fn set_default(&self, user: &str, channel: ChannelId) {
        self.default_channels.lock().insert(thing(user), channel);
    }

    /// Tells the connections of a user's thing that it has lost something.
    pub(crate) fn take_away(&self, user: &str, loss: Loss) {
        self.losses.send_replace(Some((thing(user), loss)));
    }

    fn check(&self, thing: ThingId, channel: ChannelId) -> Result<()> {
        if self.denied.lock().contains(&(thing, channel)) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "denied",
                "not this channel",
            ));
        }
        Ok(())
    }
}

/// The thing a user name stands for.
pub(crate) fn thing(user: &str) -> ThingId {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(user.bytes()) {
        *to = from;
    }
    Uuid::from_bytes(bytes).into()
}

/// Admits every user whose password is not `wrong`.
struct Gate(Arc<Rights>);

#[async_trait]
impl Access for Gate {
    async fn connect(&self, request: &ConnectRequest<'_>) -> Result<Box<dyn Admission>> {
        if request.password.is_none_or(|password| password == b"wrong") {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "wrong",
                "no such thing",
            ));
        }
        let thing = thing(request.username.unwrap_or_default());
        Ok(Box::new(Admitted {
            thing,
            default_channel: self.0.default_channels.lock().get(&thing).copied(),
            rights: self.0.clone(),
        }))
    }

    fn cached(&self, _: ThingId, _: ChannelId, _: Action) -> bool {
        false
    }

    async fn decide(&self, thing: ThingId, channel: ChannelId, _: Action) -> Result<()> {
        tokio::task::yield_now().await;
        self.0.check(thing, channel)
    }
}

struct Admitted {
    thing: ThingId,
    default_channel: Option<ChannelId>,
    rights: Arc<Rights>,
}

#[async_trait]
impl Admission for Admitted {
    fn thing(&self) -> ThingId {
        self.thing
    }

    fn default_channel(&self) -> Option<ChannelId> {
        self.default_channel
    }

    async fn join(&self, channel: ChannelId) -> Result<()> {
        self.rights.check(self.thing, channel)
    }

    fn leave(&self, _: ChannelId) {}

    fn lost(&self) -> Lost {
        let (thing, mut losses) = (self.thing, self.rights.losses.subscribe());
        losses.mark_unchanged();
        Box::pin(async move {
            loop {
                if losses.changed().await.is_err() {
                    return std::future::pending().await;
                }
                match *losses.borrow_and_update() {
                    Some((whose, loss)) if whose == thing => return loss,
                    Some(_) | None => {}
                }
            }
        })
    }
}
