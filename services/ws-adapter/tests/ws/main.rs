//! The WebSocket adapter as a client sees it: real sockets, a registry that does as it is told, the real bus.
#![expect(clippy::unwrap_used, reason = "tests may panic, their helpers too")]

mod client;
mod ending;
#[path = "../../../../libs/adapter/tests/stage/full.rs"]
mod full;
mod handshake;
mod limits;
mod messages;
#[path = "../../../../libs/adapter/tests/stage/mod.rs"]
mod stage;

use std::net::SocketAddr;

use adapter::Adapter;
use model::{ChannelId, ThingId};
use server::{Limits, Listener, Runtime};
use stage::Stage;
use ws_adapter::Config;

const KEY: &str = "s3cret,key";

/// A server, a thing that may use it, and the thing's channel.
struct Ws {
    stage: Stage,
    runtime: Runtime,
    addr: SocketAddr,
    thing: ThingId,
    channel: ChannelId,
}

impl Ws {
    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        let stage = Stage::new().await;
        let (thing, channel) = stage.things.connected(KEY);
        let (runtime, addr) = serve(stage.adapter.clone(), &config).await;
        Self {
            stage,
            runtime,
            addr,
            thing,
            channel,
        }
    }

    fn path(&self, tail: &str) -> String {
        format!("/channels/{}/messages{tail}", self.channel)
    }
}

async fn serve(adapter: Adapter, config: &Config) -> (Runtime, SocketAddr) {
    let runtime = Runtime::new(server::Settings::default());
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Limits::default())
        .await
        .unwrap();
    let addr = listener.local_addr();
    runtime.http(
        "ws",
        listener,
        ws_adapter::router(adapter, config, &runtime),
    );
    (runtime, addr)
}
