//! The MQTT device protocol: topics `channels/<id>/messages[/...]` with the key of a thing, over TCP and WebSocket.
//!
//! The engine is `libs/mqtt`; this crate tells it who may do what, and brings WebSockets to it.

mod access;
mod config;
mod http;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;

use adapter::Adapter;
use axum::Router;
use messaging::Buses;
use model::BoxError;
use mqtt::Broker;
use server::{Limits, Listener, Runtime};

use access::Gate;
pub use config::Config;

/// An adapter that is running.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where MQTT is listened for.
    pub tcp: SocketAddr,
    /// Where MQTT over WebSocket is listened for.
    pub ws: SocketAddr,
    /// The routes of the WebSocket port, for a front: any path takes MQTT over WebSocket.
    pub router: Router,
}

/// Starts the adapter; it stops with the runtime.
///
/// # Errors
/// When an address cannot be bound or the bus cannot be reached; the text says what to do.
pub async fn start(
    config: &Config,
    adapter: Adapter,
    buses: &Buses,
    runtime: &Runtime,
) -> Result<Started, BoxError> {
    let limits = Limits {
        connections: config.max_connections,
        ..Limits::default()
    };
    let listener = Listener::bind(config.ws_addr(), limits).await?;
    let ws = listener.local_addr();
    let engine = Broker::start(config.engine(), Arc::new(Gate::new(adapter)), buses).await?;
    let tcp = engine.address().ok_or("the MQTT engine has no listener")?;
    let router = http::router(engine.link(), config.max_packet_size);
    runtime.spawn("mqtt", engine.run(runtime.stop()));
    runtime.http("mqtt-ws", listener, runtime.health().merge(router.clone()));
    Ok(Started { tcp, ws, router })
}
