use adapter::DeviceAuth;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use mqtt::Link;
use serde::Serialize;
use server::{Peer, Secured};

use crate::access::Known;
use crate::websocket::ByteStream;

/// The subprotocols that are MQTT; the second is that of version 3.1.
const SUBPROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
/// How much is read at once; it is what an idle connection costs.
const READ_BUFFER: usize = 4096;
/// What a frame may be larger than the packet in it: clients may send several packets in one.
const FRAME_SLACK: usize = 64 * 1024;

/// Makes the routes of the WebSocket port: `/version`, and MQTT over WebSocket on every other path.
pub(crate) fn router(link: Link, device_auth: DeviceAuth, max_packet_size: usize) -> Router {
    let state = Entry {
        link,
        device_auth,
        max_frame: max_packet_size + FRAME_SLACK,
    };
    Router::new()
        .route("/version", get(version))
        .fallback(enter)
        .with_state(state)
}

#[derive(Clone)]
struct Entry {
    link: Link,
    device_auth: DeviceAuth,
    max_frame: usize,
}

#[derive(Serialize)]
struct Version {
    service: &'static str,
    version: &'static str,
}

/// Answers as JSON, unlike the other roles (contract section 0.3).
async fn version() -> Json<Version> {
    Json(Version {
        service: "mqtt-adapter",
        version: server::VERSION,
    })
}

#[derive(Serialize)]
struct NotFound {
    error: &'static str,
}

async fn enter(
    State(entry): State<Entry>,
    Peer(peer): Peer,
    secured: Secured,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let error = "this port takes MQTT over WebSocket";
        return (StatusCode::NOT_FOUND, Json(NotFound { error })).into_response();
    };
    upgrade
        .protocols(SUBPROTOCOLS)
        .read_buffer_size(READ_BUFFER)
        .max_message_size(entry.max_frame)
        .max_frame_size(entry.max_frame)
        .on_upgrade(move |socket: WebSocket| async move {
            let origin = Known::origin(entry.device_auth, peer, &secured);
            entry.link.attach(ByteStream::new(socket), origin);
        })
}
