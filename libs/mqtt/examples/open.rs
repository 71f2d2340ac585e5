//! An engine that admits everybody, for load generators: `open [ADDRESS] [SHARDS] [BUS]`, where the bus is a directory or
//! `nats://…`; without one it is in a temporary directory.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Action, BoxError, ChannelId, Result, ThingId};
use mqtt::{Access, Admission, Broker, Config, ConnectRequest, Lost};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct Everybody;

#[async_trait]
impl Access for Everybody {
    async fn connect(&self, _: &ConnectRequest<'_>) -> Result<Box<dyn Admission>> {
        Ok(Box::new(Anybody))
    }

    fn cached(&self, _: ThingId, _: ChannelId, _: Action) -> bool {
        true
    }

    async fn decide(&self, _: ThingId, _: ChannelId, _: Action) -> Result<()> {
        Ok(())
    }
}

/// The only thing there is.
struct Anybody;

#[async_trait]
impl Admission for Anybody {
    fn thing(&self) -> ThingId {
        ThingId::from(Uuid::nil())
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
    let temporary = tempfile::tempdir()?;
    let bus = match arguments.next() {
        Some(url) if url.starts_with("nats://") => messaging::Config {
            nats_url: Some(url),
            ..messaging::Config::in_process(temporary.path())
        },
        Some(directory) => messaging::Config::in_process(directory),
        None => messaging::Config::in_process(temporary.path()),
    };
    let (buses, driver) = messaging::open(&bus).await?;
    let config = Config {
        listen: Some(listen),
        shards,
        max_sessions_per_thing: usize::MAX,
        ..Config::default()
    };
    let stop = CancellationToken::new();
    let engine = async {
        let engine = Broker::start(config, Arc::new(Everybody), &buses).await?;
        engine.run(stop.clone()).await
    };
    let (bus, engine) = tokio::join!(driver.run(stop.clone()), engine);
    bus.and(engine)
}
