use std::sync::Arc;

use adapter::Adapter;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use messaging::{Filter, LiveLimits, Overflow, live_queue};
use model::{Error, ErrorKind};
use server::metrics::{Api, Method};
use server::{Legacy, Problem, Runtime, legacy, version_router};
use tokio::sync::Semaphore;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::task::TaskTracker;

use crate::Config;
use crate::connection::Connection;
use crate::handshake::admit;
use crate::upgrade::Upgrade;

/// How much is read, and how much is written, at once; it is what an idle connection costs.
const BUFFER: usize = 4096;

/// Makes the routes of the WebSocket adapter (contract section 4); its connections end when the runtime stops.
pub fn router(adapter: Adapter, config: &Config, runtime: &Runtime) -> Router {
    let service = Service {
        places: Arc::new(Semaphore::new(
            config.max_connections.min(Semaphore::MAX_PERMITS),
        )),
        publish: Api::new("ws_adapter").method("publish"),
        config: config.clone(),
        adapter,
        runtime: runtime.clone(),
        connections: TaskTracker::new(),
    };
    let open = get(open);
    let messages = Router::new()
        .route("/channels/{channel}/messages", open.clone())
        .route("/channels/{channel}/messages/", open.clone())
        .route("/channels/{channel}/messages/{*subtopic}", open.clone())
        .route("/channels//messages", open.clone())
        .route("/channels//messages/{*subtopic}", open)
        .with_state(Arc::new(service));
    legacy(messages.merge(version_router("websocket")), Legacy::ADAPTER)
}

/// What all connections share.
pub(crate) struct Service {
    pub(crate) adapter: Adapter,
    pub(crate) config: Config,
    pub(crate) publish: Method,
    runtime: Runtime,
    connections: TaskTracker,
    places: Arc<Semaphore>,
}

/// Subscribes before it agrees: what is published after the 101 reaches the device.
async fn open(State(service): State<Arc<Service>>, request: Request) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let auth = service.config.device_auth.unwrap_or_default();
    let device = admit(&service.adapter, auth, &mut parts).await?;
    let upgrade = Upgrade::take(&mut parts)?;
    let place = Arc::clone(&service.places)
        .try_acquire_owned()
        .map_err(|_| full())?;
    let (sender, queue) = live_queue(service.queue());
    let filter = Filter::Subtopic(device.channel, device.subtopic.clone());
    let subscription = service.adapter.subscribe(filter, &sender).await?;
    let (response, upgraded) = upgrade.agree();
    let stop = service.runtime.stop().child_token();
    let task = {
        let service = Arc::clone(&service);
        async move {
            let _held = (place, sender);
            let Ok(upgraded) = upgraded.await else { return };
            let io = TokioIo::new(upgraded);
            let socket =
                WebSocketStream::from_raw_socket(io, Role::Server, Some(service.socket())).await;
            Connection::new(socket, device, service)
                .run(queue, subscription, stop)
                .await;
        }
    };
    service.connections.spawn(service.runtime.track(task));
    Ok(response)
}

impl Service {
    fn queue(&self) -> LiveLimits {
        LiveLimits {
            messages: self.config.queue_messages,
            bytes: self.config.queue_bytes,
            overflow: Overflow::Cut,
        }
    }

    fn socket(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(self.config.max_message_bytes))
            .max_frame_size(Some(self.config.max_message_bytes))
    }
}

fn full() -> Error {
    Error::new(
        ErrorKind::Exhausted,
        "too_many_connections",
        "there are as many connections as there may be; try later",
    )
}
