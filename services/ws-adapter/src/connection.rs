use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::FuturesOrdered;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use messaging::{LiveGuard, LiveReceiver, Message, Protocol};
use model::Action;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as Frame};
use tokio_util::sync::CancellationToken;

use crate::closing::Closing;
use crate::frame::{incoming, outgoing};
use crate::handshake::Device;
use crate::heartbeat::{Beat, Heartbeat};
use crate::http::Service;

/// How many messages of one connection may be on their way to the bus; then its frames wait.
const IN_FLIGHT: usize = 64;

/// How many waiting messages are written at once.
const BATCH: usize = 64;

/// How long the last messages of a connection that ends may take to be published.
const LAST_PUBLISHES: Duration = Duration::from_secs(2);

/// How long a close frame may take to be written.
const CLOSE_WRITE: Duration = Duration::from_millis(500);

/// How long the peer may take to answer a close frame.
const CLOSE_REPLY: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Step = Result<(), Closing>;

/// A connection between a device and the bus.
pub(crate) struct Connection {
    socket: Socket,
    device: Device,
    service: Arc<Service>,
    heartbeat: Heartbeat,
}

impl Connection {
    pub(crate) fn new(socket: Socket, device: Device, service: Arc<Service>) -> Self {
        let heartbeat = Heartbeat::new(
            service.config.ping_interval.get(),
            service.config.pong_timeout.get(),
        );
        Self {
            socket,
            device,
            service,
            heartbeat,
        }
    }

    /// Carries messages both ways until one side ends it, and takes leave.
    pub(crate) async fn run(
        mut self,
        mut queue: LiveReceiver<Message>,
        subscription: LiveGuard,
        stop: CancellationToken,
    ) {
        let cut = self.device.session.cut();
        let mut interrupted = pin!(async move {
            tokio::select! {
                reason = cut => Closing::Cut(reason),
                () = stop.cancelled() => Closing::Stopping,
            }
        });
        let mut publishing = FuturesOrdered::new();
        let closing = loop {
            let step = tokio::select! {
                closing = interrupted.as_mut() => Err(closing),
                Some(published) = publishing.next() => published,
                beat = self.heartbeat.beat() => self.beat(beat, interrupted.as_mut()).await,
                message = queue.recv() => match message {
                    Ok(message) => self.deliver(&message, &mut queue, interrupted.as_mut()).await,
                    Err(end) => Err(end.into()),
                },
                frame = self.socket.next(), if publishing.len() < IN_FLIGHT => {
                    match self.receive(frame, interrupted.as_mut()).await {
                        Ok(Some(payload)) => {
                            publishing.push_back(publish(Arc::clone(&self.service), self.message(payload)));
                            Ok(())
                        }
                        Ok(None) => Ok(()),
                        Err(closing) => Err(closing),
                    }
                }
            };
            if let Err(closing) = step {
                break closing;
            }
        };
        drop((queue, subscription));
        if closing.spares_received() {
            let rest = publishing.for_each(|_| std::future::ready(()));
            let _in_time = timeout(LAST_PUBLISHES, rest).await;
        }
        self.close(&closing).await;
    }

    /// Takes a frame; what it carries is to be published, once its sender's right is known to hold still.
    async fn receive(
        &mut self,
        frame: Option<Result<Frame, WsError>>,
        interrupted: Pin<&mut impl Future<Output = Closing>>,
    ) -> Result<Option<Bytes>, Closing> {
        let frame = frame.ok_or(Closing::Gone)??;
        self.heartbeat.seen();
        if frame.is_close() {
            return Err(Closing::ByPeer);
        }
        let Some(payload) = incoming(frame) else {
            return Ok(None);
        };
        let (thing, channel) = (self.device.session.thing(), self.device.channel);
        let adapter = &self.service.adapter;
        if !adapter.cached(thing, channel, Action::Publish) {
            tokio::select! {
                biased;
                closing = interrupted => return Err(closing),
                allowed = adapter.authorize(thing, channel, Action::Publish) => allowed.map_err(Closing::Refused)?,
            }
        }
        Ok(Some(payload))
    }

    fn message(&self, payload: Bytes) -> Message {
        let device = &self.device;
        let (subtopic, publisher) = (device.subtopic.clone(), device.session.thing());
        Message {
            content_type: device.content_type.clone(),
            ..Message::new(device.channel, subtopic, publisher, Protocol::Ws, payload)
        }
    }

    /// Writes a message and those waiting behind it, unless the connection is to end meanwhile.
    async fn deliver(
        &mut self,
        first: &Message,
        queue: &mut LiveReceiver<Message>,
        interrupted: Pin<&mut impl Future<Output = Closing>>,
    ) -> Step {
        let socket = &mut self.socket;
        let write = async {
            socket.feed(outgoing(first)).await?;
            for _ in 1..BATCH {
                let Some(message) = queue.try_recv() else {
                    break;
                };
                socket.feed(outgoing(&message)).await?;
            }
            socket.flush().await
        };
        written(write, self.service.config.write_timeout.get(), interrupted).await
    }

    async fn beat(
        &mut self,
        beat: Beat,
        interrupted: Pin<&mut impl Future<Output = Closing>>,
    ) -> Step {
        match beat {
            Beat::Ping => {
                let ping = self.socket.send(Frame::Ping(Bytes::new()));
                written(ping, self.service.config.write_timeout.get(), interrupted).await
            }
            Beat::Dead => Err(Closing::Silent),
        }
    }

    /// Says why, and waits a moment for the peer to have heard it.
    async fn close(mut self, closing: &Closing) {
        metrics::counter!("ws_adapter_closed_total", "code" => closing.code().to_string())
            .increment(1);
        tracing::debug!(thing.id = %self.device.session.thing(), code = closing.code(), "connection closed");
        if let Some(frame) = closing.frame() {
            let sent = timeout(CLOSE_WRITE, self.socket.send(Frame::Close(Some(frame)))).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
        let leave = async {
            if closing.is_garbled() {
                // Closing on unread bytes would reset the connection, and the peer would never see why.
                let mut unread = [0; 1024];
                while matches!(self.socket.get_mut().read(&mut unread).await, Ok(1..)) {}
            } else {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _in_time = timeout(CLOSE_REPLY, leave).await;
    }
}

/// Waits until something is written: a peer that takes nothing is too slow, and a reason to end comes first.
async fn written(
    write: impl Future<Output = Result<(), WsError>>,
    limit: Duration,
    interrupted: Pin<&mut impl Future<Output = Closing>>,
) -> Step {
    tokio::select! {
        biased;
        closing = interrupted => Err(closing),
        written = timeout(limit, write) => match written {
            Ok(written) => written.map_err(|_| Closing::Gone),
            Err(_) => Err(Closing::TooSlow),
        },
    }
}

/// Publishes what came in a frame; there is nobody to tell but by closing.
async fn publish(service: Arc<Service>, message: Message) -> Step {
    let start = Instant::now();
    let published = service.adapter.publish(message).await;
    service.publish.record(start);
    published.map(|_| ()).map_err(Closing::Refused)
}
