use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use http::request::Parts;
use model::Throttle;
use tls::{MaybeTls, PeerCert, TlsInfo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(
    /// The address the connection comes from.
    pub SocketAddr,
);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    /// A request that came over no connection, as in tests, has the unspecified address.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let nobody = || Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
        Ok(parts.extensions.get().copied().unwrap_or_else(nobody))
    }
}

/// Whose certificate counts: the peer's on an encrypted connection, or the one that a proxy passes on; perhaps nobody's.
#[derive(Clone, Debug, Default)]
pub struct Secured(Option<Arc<PeerCert>>);

impl Secured {
    /// Says it of a connection or a request.
    pub(crate) fn new(certificate: Option<Arc<PeerCert>>) -> Self {
        Self(certificate)
    }

    /// Returns the verified certificate of who is at the other end, if it has shown one.
    pub fn certificate(&self) -> Option<Arc<PeerCert>> {
        self.0.clone()
    }
}

impl<S: Sync> FromRequestParts<S> for Secured {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// An accepted connection: bytes both ways, and its place under the listener's cap until it is dropped.
pub struct Conn {
    io: MaybeTls,
    peer: Peer,
    secured: Secured,
    first_byte: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl Conn {
    /// Takes over an accepted connection, whose peer has to say something before the timeout is over.
    pub(crate) fn new(
        io: MaybeTls,
        peer: SocketAddr,
        tls: Option<Arc<TlsInfo>>,
        first_byte: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            io,
            peer: Peer(peer),
            secured: Secured::new(tls.and_then(|tls| tls.peer.clone())),
            first_byte: Some(Box::pin(sleep(first_byte))),
            _permit: permit,
        }
    }

    /// Returns who is at the other end.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Returns whose certificate counts.
    pub fn secured(&self) -> &Secured {
        &self.secured
    }

    /// Takes out whose certificate counts: a connection that is served for long needs no room for it.
    pub fn take_secured(&mut self) -> Secured {
        mem::take(&mut self.secured)
    }
}

/// The first byte of every TLS connection, and of nothing that is spoken in plaintext here.
const TLS_HANDSHAKE: u8 = 0x16;

/// How often it is told that somebody speaks TLS where it is not spoken: one client that is set up wrongly tries for ever.
static HELLOS: Throttle = Throttle::new(Duration::from_secs(60));

impl Conn {
    /// Says that the peer speaks TLS on a port without: it only sees that the answer is none.
    fn note_hello(&self, first: &[u8]) {
        let is_hello = !self.io.is_tls() && first.first() == Some(&TLS_HANDSHAKE);
        if is_hello && HELLOS.passes(Instant::now()) {
            let listener = self.io.tcp().local_addr().ok();
            let peer = self.peer.0;
            tracing::warn!(?listener, %peer, "TLS hello on plaintext listener");
        }
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if this.first_byte.take().is_some() {
                    this.note_hello(&buf.filled()[before..]);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                if let Some(silence) = &mut this.first_byte {
                    ready!(silence.as_mut().poll(cx));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Connected for Conn {
    type ConnectInfo = (Peer, Secured);

    fn connect_info(&self) -> (Peer, Secured) {
        (self.peer, self.secured.clone())
    }
}
