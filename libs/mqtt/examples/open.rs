//! An engine that admits everybody, for load generators: `open [ADDRESS] [SHARDS]`, on a bus in a temporary directory.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Action, BoxError, ChannelId, Result, ThingId};
use mqtt::{Access, Admission, Broker, Config, ConnectRequest, Lost};
use tokio_util::sync::CancellationToken;

struct Everybody;

#[async_trait]
impl Access for Everybody {
    async fn connect(&self, _: &ConnectRequest<'_>) -> Result<Box<dyn Admission>> {
        Ok(Box::new(Anybody(ThingId::random())))
    }

    fn cached(&self, _: ThingId, _: ChannelId, _: Action) -> bool {
        true
    }

    async fn decide(&self, _: ThingId, _: ChannelId, _: Action) -> Result<()> {
        Ok(())
    }
}

struct Anybody(ThingId);

#[async_trait]
impl Admission for Anybody {
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

#[tokio::main]
async fn main() -> std::result::Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let listen: SocketAddr = arguments
        .next()
        .as_deref()
        .unwrap_or("127.0.0.1:1883")
        .parse()?;
    let shards = arguments.next().as_deref().unwrap_or("0").parse()?;
    let data = tempfile::tempdir()?;
    let (buses, driver) = messaging::open(&messaging::Config::in_process(data.path())).await?;
    let config = Config {
        listen: Some(listen),
        shards,
        ..Config::default()
    };
    let engine = Broker::start(config, Arc::new(Everybody), &buses).await?;
    let stop = CancellationToken::new();
    let (bus, engine) = tokio::join!(driver.run(stop.clone()), engine.run(stop.clone()));
    bus.and(engine)
}
