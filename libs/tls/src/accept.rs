//! From an accepted socket to a stream an application may read, in two stages with deadlines of their own.
//!
//! Silent peers occupy only the first stage, a socket and a small buffer; the second, which costs computing, is
//! reached by peers that sent something. A limit around both at once would let silent peers keep everybody out.

mod addresses;
mod linger;
mod opening;
mod proxy;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::prefixed::Prefixed;
use crate::settings::{Policy, ProxyProtocol};
use crate::{Alpn, BuildError, Forwarded, MaybeTls, Reason, Refused, ServerTls, Settings, TlsInfo};
use addresses::{Addresses, Place};
use opening::Opening;

/// How long a handshake may take when most places for handshakes are taken: less than those who wait for one have patience, and
/// time enough for as many as there are places to be dealt with at once.
const CROWDED_TIMEOUT: Duration = Duration::from_secs(5);

/// Turns accepted sockets into streams; clones share the limits, so several loops can accept for one listener.
#[derive(Clone)]
pub struct Acceptor(Arc<Inner>);

struct Inner {
    listener: &'static str,
    policy: Policy,
    tls: Option<ServerTls>,
    forwarded: Option<Forwarded>,
    quick_ack: bool,
    pending: Semaphore,
    handshakes: Semaphore,
    addresses: Addresses,
}

/// A connection that is ready for its application.
pub struct Accepted {
    /// The bytes, decrypted.
    pub io: MaybeTls,
    /// Who connected, as far as a trusted proxy says so.
    pub peer: SocketAddr,
    /// The proxy in between.
    pub via: Option<SocketAddr>,
    /// What was agreed, on an encrypted connection.
    pub tls: Option<Arc<TlsInfo>>,
}

/// What a connection holds until its handshake is over.
struct Held<'a> {
    _pending: tokio::sync::SemaphorePermit<'a>,
    place: Option<Place<'a>>,
}

impl Acceptor {
    /// Reads the material of a listener, if it has TLS.
    pub fn open(settings: &Settings, alpn: Alpn) -> Result<Self, BuildError> {
        let tls = settings
            .is_enabled()
            .then(|| ServerTls::open(settings, alpn))
            .transpose()?;
        let policy = settings.policy().clone();
        let permits = |limit: usize| Semaphore::new(limit.min(Semaphore::MAX_PERMITS));
        Ok(Self(Arc::new(Inner {
            listener: settings.endpoint().name,
            quick_ack: !settings.tickets(),
            pending: permits(policy.max_pending),
            handshakes: permits(policy.max_handshakes),
            addresses: Addresses::new(policy.max_per_ip),
            tls,
            forwarded: Forwarded::open(settings)?,
            policy,
        })))
    }

    /// Returns the TLS of the listener.
    pub fn tls(&self) -> Option<&ServerTls> {
        self.0.tls.as_ref()
    }

    /// Returns who judges the certificates that a proxy forwards, if the listener takes any.
    pub fn forwarded(&self) -> Option<&Forwarded> {
        self.0.forwarded.as_ref()
    }

    /// Tells whether a socket is handed through as it is.
    pub fn is_plain(&self) -> bool {
        self.0.tls.is_none() && self.0.policy.proxy_protocol == ProxyProtocol::Off
    }

    /// Does everything up to the first byte of the application, within the limits and deadlines.
    ///
    /// It is to run in a task of the connection, never in the accept loop. What is refused is counted, logged and
    /// closed so that the peer sees why.
    pub async fn accept(&self, mut io: TcpStream, peer: SocketAddr) -> Result<Accepted, Refused> {
        if self.is_plain() {
            return Ok(accepted(io.into(), peer, peer, None));
        }
        let inner = &*self.0;
        let refuse = |refused: &Refused| inner.report(peer, refused);
        let mut held = inner.enter(peer).inspect_err(refuse)?;
        let opening = match inner.opening(&mut io, peer).await {
            Ok(opening) => opening,
            Err(refused) => {
                refuse(&refused);
                drop(held.place.take());
                linger::close(&mut io).await;
                return Err(refused);
            }
        };
        if opening.source != peer {
            held.place = inner.place(opening.source).inspect_err(refuse)?;
        }
        let Some(tls) = inner.tls.as_ref().filter(|_| opening.is_tls) else {
            let io = MaybeTls::plain(Prefixed::new(opening.rest, io));
            return Ok(accepted(io, opening.source, peer, None));
        };
        inner.handshake(tls, io, opening, peer, held).await
    }
}

fn accepted(
    io: MaybeTls,
    source: SocketAddr,
    peer: SocketAddr,
    tls: Option<Arc<TlsInfo>>,
) -> Accepted {
    Accepted {
        io,
        peer: source,
        via: (source != peer).then_some(peer),
        tls,
    }
}

impl Inner {
    fn enter(&self, peer: SocketAddr) -> Result<Held<'_>, Refused> {
        let busy = || {
            Refused::new(
                Reason::Busy,
                "too many connections wait for their handshake",
            )
        };
        Ok(Held {
            _pending: self.pending.try_acquire().map_err(|_| busy())?,
            place: self.place(peer)?,
        })
    }

    /// Counts an address, unless it is this machine or a trusted proxy, which speak for many.
    fn place(&self, peer: SocketAddr) -> Result<Option<Place<'_>>, Refused> {
        let address = peer.ip().to_canonical();
        if address.is_loopback() || self.is_proxy(peer) {
            return Ok(None);
        }
        let busy = || Refused::new(Reason::Busy, "too many handshakes from one address");
        self.addresses.enter(address).map(Some).ok_or_else(busy)
    }

    /// The second stage.
    async fn handshake(
        &self,
        tls: &ServerTls,
        io: TcpStream,
        opening: Opening,
        peer: SocketAddr,
        held: Held<'_>,
    ) -> Result<Accepted, Refused> {
        let started = Instant::now();
        let patience = started + self.policy.handshake_timeout.get();
        let late = || Refused::new(Reason::Deadline, "the handshake took too long");
        let refuse = |refused: &Refused| self.report(opening.source, refused);
        let turn = timeout_at(patience, self.handshakes.acquire()).await;
        let turn = turn.map_err(|_| late()).inspect_err(refuse)?;
        // That the peer had to wait is no fault of its own, and a handshake that is broken off is work done in vain.
        let deadline = Instant::now() + self.handshake_timeout();
        let io = Prefixed::new(opening.rest, io);
        let mut handshake = tls.begin(io).inspect_err(refuse)?;
        let result = timeout_at(deadline, handshake.accept()).await;
        drop((turn, held));
        match result.unwrap_or_else(|_| Err(late())) {
            Ok(info) => {
                self.succeeded(&info, started.elapsed());
                let recheck = info.peer.is_some().then(|| handshake.recheck());
                let io = MaybeTls::tls(handshake.stream, recheck);
                if self.quick_ack {
                    quick_ack(io.tcp());
                }
                Ok(accepted(io, opening.source, peer, Some(Arc::new(info))))
            }
            Err(refused) => {
                refuse(&refused);
                linger::close(handshake.stream.get_mut().get_mut()).await;
                Err(refused)
            }
        }
    }

    fn handshake_timeout(&self) -> Duration {
        let limit = self.policy.handshake_timeout.get();
        if self.handshakes.available_permits() * 5 <= self.policy.max_handshakes {
            limit.min(CROWDED_TIMEOUT)
        } else {
            limit
        }
    }

    fn succeeded(&self, info: &TlsInfo, took: Duration) {
        let group = info.group.clone().unwrap_or_default();
        metrics::counter!("tls_handshakes_total", "listener" => self.listener, "version" => info.version, "group" => group)
            .increment(1);
        metrics::histogram!("tls_handshake_seconds", "listener" => self.listener)
            .record(took.as_secs_f64());
    }

    fn report(&self, peer: SocketAddr, refused: &Refused) {
        let Refused {
            reason,
            detail,
            certificate,
        } = refused;
        let listener = self.listener;
        if *reason == Reason::Challenge {
            metrics::counter!("tls_acme_challenges_total", "listener" => listener).increment(1);
            tracing::debug!(listener, %peer, "{detail}");
            return;
        }
        metrics::counter!("tls_handshake_failures_total", "listener" => listener, "reason" => reason.as_str())
            .increment(1);
        if reason.is_noise() {
            tracing::debug!(listener, %peer, %reason, "connection refused: {detail}");
        } else {
            tracing::warn!(listener, %peer, %reason, certificate, "connection refused: {detail}");
        }
    }
}

/// Without tickets the server has nothing to say after the client's last flight, and a client that coalesces small
/// writes waits for a delayed acknowledgement before it sends its first request.
fn quick_ack(io: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(io).set_tcp_quickack(true) {
        tracing::debug!(%error, "cannot set TCP_QUICKACK");
    }
}
