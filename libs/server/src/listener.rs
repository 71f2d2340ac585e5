use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::Throttle;
use tls::{Accepted, Acceptor, Forwarded};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{Conn, handshakes};

/// How long accepting rests after the system refused a socket, so that running out of files is no busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What was refused is told once a second, by all listeners together.
static FAILURES: Throttle = Throttle::new(Duration::from_secs(1));

/// What the peers of one listener may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open at once; further ones are closed at once.
    pub connections: usize,
    /// How long a peer may be silent after it connected.
    pub first_byte_timeout: Duration,
    /// How long the head of an HTTP/1 request may take; looked at every half of it.
    pub header_timeout: Duration,
    /// How long an HTTP connection may do nothing between requests.
    pub idle_timeout: Duration,
    /// How many headers an HTTP/1 request may have.
    pub headers: usize,
    /// How many bytes the head of an HTTP request may have.
    pub header_bytes: usize,
    /// How many requests may be under way at once on one HTTP/2 or gRPC connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            first_byte_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            headers: 100,
            header_bytes: 64 * 1024,
            streams: 200,
        }
    }
}

/// Why an address cannot be listened on; the text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}: {source}; {}", advice(source))]
pub struct BindError {
    addr: SocketAddr,
    source: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "stop what uses the port, or configure another one",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege; configure another one"
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has the address",
        _ => "configure another address",
    }
}

/// A bound socket that hands out connections within its [`Limits`].
pub struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    limits: Limits,
    places: Arc<Semaphore>,
    full: AtomicBool,
    acceptor: Option<Acceptor>,
    forwarded: Option<Forwarded>,
    /// The connections whose handshake is under way, each within a place.
    handshakes: Mutex<JoinSet<Option<(Accepted, OwnedSemaphorePermit)>>>,
}

/// A socket that has a place.
struct Admitted {
    io: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
}

impl Listener {
    /// Binds an address; port 0 lets the system choose one, see [`Self::local_addr`].
    pub async fn bind(addr: SocketAddr, limits: Limits) -> Result<Self, BindError> {
        let error = |source| BindError { addr, source };
        let socket = TcpListener::bind(addr).await.map_err(error)?;
        let addr = socket.local_addr().map_err(error)?;
        let places = Arc::new(Semaphore::new(
            limits.connections.min(Semaphore::MAX_PERMITS),
        ));
        Ok(Self {
            socket,
            addr,
            limits,
            places,
            full: AtomicBool::new(false),
            acceptor: None,
            forwarded: None,
            handshakes: Mutex::default(),
        })
    }

    /// Hands each socket to an acceptor first: for TLS, and to learn from a proxy who connected.
    pub fn with_acceptor(self, acceptor: Acceptor) -> Self {
        let forwarded = acceptor.forwarded().cloned();
        let acceptor = (!acceptor.is_plain()).then_some(acceptor);
        Self {
            acceptor,
            forwarded,
            ..self
        }
    }

    /// Returns the address that was bound, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns who judges the certificates that a proxy forwards.
    pub(crate) fn forwarded(&self) -> Option<&Forwarded> {
        self.forwarded.as_ref()
    }

    /// Returns the limits it was bound with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Waits for the next connection there is a place for; no error of a peer or the system ends it.
    ///
    /// Handshakes go on beside it, so that a slow peer keeps nobody waiting.
    pub async fn accept(&self) -> Conn {
        let Some(acceptor) = &self.acceptor else {
            let Admitted { io, peer, permit } = self.admitted().await;
            let first_byte = self.limits.first_byte_timeout;
            return Conn::new(io.into(), peer, None, first_byte, permit);
        };
        let mut pending = self.handshakes.lock().await;
        loop {
            tokio::select! {
                Admitted { io, peer, permit } = self.admitted() => {
                    let acceptor = acceptor.clone();
                    // What is refused was counted and logged by the acceptor.
                    let handshake = async move {
                        let accepted = acceptor.accept(io, peer).await.ok()?;
                        Some((accepted, permit))
                    };
                    pending.spawn_on(handshake, &handshakes::runtime());
                }
                Some(done) = pending.join_next() => match done {
                    Ok(Some((Accepted { io, peer, tls, .. }, permit))) => {
                        return Conn::new(io, peer, tls, self.limits.first_byte_timeout, permit);
                    }
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "a handshake failed to run"),
                },
            }
        }
    }

    async fn admitted(&self) -> Admitted {
        loop {
            match self.socket.accept().await {
                Ok((io, peer)) => {
                    if let Some(permit) = self.admit(&io) {
                        return Admitted { io, peer, permit };
                    }
                }
                Err(error) if is_of_peer(&error) => {}
                Err(error) => {
                    if FAILURES.passes(Instant::now()) {
                        tracing::error!(%error, listener = %self.addr, "cannot accept connections");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, io: &TcpStream) -> Option<OwnedSemaphorePermit> {
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else {
            ::metrics::counter!("connections_refused_total").increment(1);
            if !self.full.swap(true, Ordering::Relaxed) {
                tracing::warn!(listener = %self.addr, limit = self.limits.connections, "refusing connections: the limit is reached");
            }
            return None;
        };
        self.full.store(false, Ordering::Relaxed);
        // Answers are small and complete; waiting to fill a segment only adds latency.
        if let Err(error) = io.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        Some(permit)
    }
}

/// Tells whether accepting failed because of one peer that is already gone.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
