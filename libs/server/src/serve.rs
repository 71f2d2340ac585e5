//! HTTP over our own accept loop: deadlines for slow peers, a cap, a drain, and nothing detached.

mod activity;
mod origin;
mod request;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tls::Forwarded;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Conn, Connection, Limits, Listener, Runtime};
use activity::{Activity, Expired, Watched};
use origin::Origin;

/// How many headers hyper keeps without allocating; asking for the same number explicitly would allocate.
const INLINE_HEADERS: usize = 100;

/// How often an idle HTTP/2 peer is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);

impl Runtime {
    /// Serves a router on a listener until the stop, then lets requests under way finish.
    ///
    /// What is left at the hard stop is dropped. Connections that were upgraded are their handler's: it watches
    /// [`Self::stop`] and is [tracked](Self::track).
    pub fn http(&self, name: &'static str, listener: Listener, router: Router) {
        let stop = self.stop();
        self.spawn(name, async move {
            serve(listener, router, stop).await;
            Ok(())
        });
    }
}

/// What the connections of one listener share.
struct Server {
    builder: auto::Builder<Streams>,
    router: Router,
    forwarded: Option<Forwarded>,
    limits: Limits,
    stop: CancellationToken,
}

/// Runs HTTP/2 streams where the drain can see them.
#[derive(Clone)]
struct Streams(TaskTracker);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

async fn serve(listener: Listener, router: Router, stop: CancellationToken) {
    let streams = TaskTracker::new();
    let server = Arc::new(Server {
        builder: builder(listener.limits(), Streams(streams.clone())),
        router,
        forwarded: listener.forwarded().cloned(),
        limits: listener.limits().clone(),
        stop: stop.clone(),
    });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            conn = listener.accept() => {
                connections.spawn(Arc::clone(&server).connection(conn));
            }
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection task failed");
                }
            }
            () = stop.cancelled() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    streams.close();
    streams.wait().await;
}

fn builder(limits: &Limits, streams: Streams) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
    let mut http1 = builder.http1();
    // Our own watch covers slow heads and idle connections with one timer per connection instead of one per request.
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes.max(8192));
    if limits.headers != INLINE_HEADERS {
        http1.max_headers(limits.headers);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    builder
}

impl Server {
    async fn connection(self: Arc<Self>, conn: Conn) {
        let (connection, over) = Connection::new();
        let mut over = pin!(over);
        let origin = Origin {
            peer: conn.peer(),
            secured: conn.secured().clone(),
            forwarded: self.forwarded.clone(),
            connection,
        };
        let peer = origin.peer;
        let activity = Arc::new(Activity::new());
        let service = service_fn(|request| {
            let answer = request::answer(&self.router, &activity, &origin, request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let io = TokioIo::new(Watched::new(conn, Arc::clone(&activity)));
        let mut serving = pin!(self.builder.serve_connection_with_upgrades(io, service));
        let mut expired = pin!(activity.expired(&self.limits));
        // A child, because every poll of a token locks it and the parent is everybody's.
        let stop = self.stop.child_token();
        let mut stop = pin!(stop.cancelled());
        let (mut watching, mut stopping, mut ending) = (true, false, false);
        loop {
            tokio::select! {
                biased;
                result = serving.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(error, peer = %peer.0, "connection ended");
                    }
                    return;
                }
                why = expired.as_mut(), if watching => match why {
                    Expired::Head => {
                        tracing::debug!(peer = %peer.0, "the head of a request took too long");
                        return;
                    }
                    Expired::Idle => watching = false,
                },
                () = stop.as_mut(), if !stopping => stopping = true,
                () = over.as_mut(), if !ending => ending = true,
            }
            serving.as_mut().graceful_shutdown();
        }
    }
}
