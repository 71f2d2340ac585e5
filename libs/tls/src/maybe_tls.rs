use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::prefixed::Prefixed;
use crate::recheck::Recheck;

/// An accepted connection, encrypted or not.
pub struct MaybeTls(Stream);

enum Stream {
    Plain(Prefixed<TcpStream>),
    /// With what looks after the peer's certificate, if it has shown one.
    Tls(SslStream<Prefixed<TcpStream>>, Option<Box<Recheck>>),
}

impl MaybeTls {
    pub(crate) fn plain(io: Prefixed<TcpStream>) -> Self {
        Self(Stream::Plain(io))
    }

    pub(crate) fn tls(io: SslStream<Prefixed<TcpStream>>, recheck: Option<Recheck>) -> Self {
        Self(Stream::Tls(io, recheck.map(Box::new)))
    }

    /// Tells whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.0, Stream::Tls(..))
    }

    /// Returns the socket below.
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Stream::Plain(io) => io.get_ref(),
            Stream::Tls(io, _) => io.get_ref().get_ref(),
        }
    }
}

impl From<TcpStream> for MaybeTls {
    fn from(io: TcpStream) -> Self {
        Self::plain(Prefixed::new(Bytes::new(), io))
    }
}

/// The same call on whichever stream it is.
macro_rules! each {
    ($self:ident, $io:ident => $call:expr) => {
        match &mut $self.0 {
            Stream::Plain(io) => {
                let $io = Pin::new(io);
                $call
            }
            Stream::Tls(io, _) => {
                let $io = Pin::new(io);
                $call
            }
        }
    };
}

impl AsyncRead for MaybeTls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Stream::Tls(io, Some(recheck)) = &mut self.0
            && let Poll::Ready(refused) = recheck.poll(cx, io.ssl())
        {
            return Poll::Ready(Err(io::Error::other(refused)));
        }
        each!(self, io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for MaybeTls {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Stream::Plain(io) => io.is_write_vectored(),
            Stream::Tls(io, _) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_shutdown(cx))
    }
}
