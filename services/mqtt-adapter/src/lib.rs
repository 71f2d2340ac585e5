//! The MQTT device protocol: topics `channels/<id>/messages[/...]` with the key or the certificate of a thing, over TCP and WebSocket.
//!
//! The engine is `libs/mqtt`; this crate tells it who may do what, and brings WebSockets to it.

mod access;
mod config;
mod http;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;

use adapter::{Adapter, DeviceAuth};
use axum::Router;
use messaging::Buses;
use model::BoxError;
use mqtt::{Broker, Link};
use server::{Limits, Listener, Peer, Runtime, metrics_router};
use tls::Acceptor;
use tokio_util::sync::CancellationToken;

use access::{Gate, Known};
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

/// The ways in.
#[derive(Clone, Default)]
pub struct Entrances {
    /// For MQTT.
    pub tcp: Entrance,
    /// For MQTT over WebSocket, also by a front.
    pub ws: Entrance,
}

/// What connections pass before they reach the adapter.
#[derive(Clone, Default)]
pub struct Entrance {
    /// TLS, if any.
    pub acceptor: Option<Acceptor>,
    /// What a device must present.
    pub device_auth: DeviceAuth,
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
    entrances: Entrances,
) -> Result<Started, BoxError> {
    let limits = Limits {
        connections: config.max_connections,
        ..Limits::default()
    };
    let listener = bind(config.ws_addr(), limits.clone(), entrances.ws.acceptor).await?;
    let ws = listener.local_addr();
    let mut settings = config.engine();
    let guarded = match (settings.listen, entrances.tcp.acceptor) {
        (Some(address), Some(acceptor)) if !acceptor.is_plain() => {
            // The engine listens for plain TCP alone.
            settings.listen = None;
            Some(bind(address, limits, Some(acceptor)).await?)
        }
        _ => None,
    };
    let device_auth = entrances.tcp.device_auth;
    let gate = Gate::new(adapter, device_auth, config.anonymous_thing);
    let engine = Broker::start(settings, Arc::new(gate), buses).await?;
    let guarded_address = guarded.as_ref().map(Listener::local_addr);
    let tcp = guarded_address
        .or(engine.address())
        .ok_or("the MQTT engine has no listener")?;
    let (link, size) = (engine.link(), config.max_packet_size);
    let router = http::router(link, entrances.ws.device_auth, size);
    if let Some(listener) = guarded {
        runtime.spawn(
            "mqtt-listener",
            enter(listener, engine.link(), device_auth, runtime.stop()),
        );
    }
    runtime.spawn("mqtt", engine.run(runtime.stop()));
    runtime.http(
        "mqtt-ws",
        listener,
        runtime
            .health()
            .merge(metrics_router())
            .merge(router.clone()),
    );
    Ok(Started { tcp, ws, router })
}

async fn bind(
    address: SocketAddr,
    limits: Limits,
    acceptor: Option<Acceptor>,
) -> Result<Listener, BoxError> {
    let listener = Listener::bind(address, limits).await?;
    Ok(match acceptor {
        Some(acceptor) => listener.with_acceptor(acceptor),
        None => listener,
    })
}

/// Hands the connections of a listener of ours to the engine, until the stop.
async fn enter(
    listener: Listener,
    link: Link,
    device_auth: DeviceAuth,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    loop {
        tokio::select! {
            mut conn = listener.accept() => {
                let Peer(peer) = conn.peer();
                let origin = Known::origin(device_auth, peer, &conn.take_secured());
                link.attach(conn, origin);
            }
            () = stop.cancelled() => return Ok(()),
        }
    }
}
