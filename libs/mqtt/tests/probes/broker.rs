use std::fs;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use messaging::{Buses, Config as BusConfig, open};
use model::{Action, BoxError, ChannelId, Result, ThingId};
use mqtt::{Access, Admission, Broker as Engine, Config, ConnectRequest, Lost};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The channel that authorization takes its time for: longer than the shortest keep-alive.
pub(crate) const SLOW: Uuid = Uuid::nil();
const SLOWNESS: Duration = Duration::from_millis(1700);

/// An engine with a bus of its own in which every client is the same thing, and that may do everything.
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    running: JoinSet<std::result::Result<(), BoxError>>,
    thing: ThingId,
    config: Config,
    _buses: Buses,
    data: TempDir,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// Starts with limits other than the usual ones.
    pub(crate) async fn with(config: Config) -> Self {
        let data = tempfile::tempdir().unwrap();
        let bus = BusConfig::in_process(data.path());
        Self::on(data, ThingId::random(), config, bus).await
    }

    /// Starts on a bus that keeps so many bytes.
    pub(crate) async fn with_bus(max_bytes: u64) -> Self {
        let data = tempfile::tempdir().unwrap();
        let bus = BusConfig {
            max_bytes,
            ..BusConfig::in_process(data.path())
        };
        Self::on(data, ThingId::random(), Config::default(), bus).await
    }

    /// Starts another one on what this one has on disk now, as a process that is killed leaves it behind.
    pub(crate) async fn restart(self) -> Self {
        let data = tempfile::tempdir().unwrap();
        copy(self.data.path(), data.path());
        let (thing, config) = (self.thing, self.config.clone());
        self.stop().await;
        let bus = BusConfig::in_process(data.path());
        Self::on(data, thing, config, bus).await
    }

    async fn on(data: TempDir, thing: ThingId, config: Config, bus: BusConfig) -> Self {
        let (buses, driver) = open(&bus).await.unwrap();
        let config = Config {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            // In one shard a message is on its way to its subscribers before its publisher hears of it.
            shards: 1,
            // Clients of tests do not close when they are told to go.
            linger_timeout: Duration::from_millis(100),
            ..config
        };
        let engine = Engine::start(config.clone(), Arc::new(Everybody(thing)), &buses)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        let address = engine.address().unwrap();
        running.spawn(driver.run(stop.clone()));
        running.spawn(engine.run(stop.clone()));
        Self {
            address,
            stop,
            running,
            thing,
            config,
            _buses: buses,
            data,
        }
    }

    /// Stops, and makes sure that nothing had failed.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}

/// Copies a directory; a file that goes meanwhile is not there.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = match entry {
            Ok(entry) => (entry.path(), to.join(entry.file_name())),
            Err(error) => panic!("{error}"),
        };
        if entry.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry, &to);
        } else if let Err(error) = fs::copy(&entry, &to) {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}

struct Everybody(ThingId);

#[async_trait]
impl Access for Everybody {
    async fn connect(&self, _: &ConnectRequest<'_>) -> Result<Box<dyn Admission>> {
        Ok(Box::new(Self(self.0)))
    }

    fn cached(&self, _: ThingId, channel: ChannelId, _: Action) -> bool {
        channel.uuid() != SLOW
    }

    async fn decide(&self, _: ThingId, channel: ChannelId, _: Action) -> Result<()> {
        if channel.uuid() == SLOW {
            sleep(SLOWNESS).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Admission for Everybody {
    fn thing(&self) -> ThingId {
        self.0
    }

    async fn join(&self, _: ChannelId) -> Result<()> {
        Ok(())
    }

    fn leave(&self, _: ChannelId) {}

    fn lost(&self) -> Lost {
        Box::pin(pending())
    }
}
