//! The beginning of a connection from a proxy: what is read of it does not depend on how it is cut into segments.

#![no_main]

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use settings::ProxyProtocol;
use tokio::io::{AsyncRead, ReadBuf};

// By itself, as its crate shows it to nobody; what it takes of that is below.
#[path = "../../libs/tls/src/accept/proxy.rs"]
mod proxy;

mod settings {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum ProxyProtocol {
        V1,
        V2,
        Any,
        Require,
    }
}

enum Reason {
    Io,
    ProxyHeader,
}

struct Refused;

impl Refused {
    fn new(_: Reason, _: &str) -> Self {
        Self
    }
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self
    }
}

fuzz_target!(|bytes: &[u8]| {
    for mode in [
        ProxyProtocol::V1,
        ProxyProtocol::V2,
        ProxyProtocol::Any,
        ProxyProtocol::Require,
    ] {
        let (whole, cut) = (read(bytes, bytes.len(), mode), read(bytes, 1, mode));
        assert_eq!(whole, cut, "{mode:?}");
        if let Some((_, rest)) = whole {
            assert!(bytes.ends_with(&rest));
        }
    }
});

/// Reads segments of so many bytes; returns who is said to have connected, and all that comes after the header.
fn read(
    bytes: &[u8],
    segment: usize,
    mode: ProxyProtocol,
) -> Option<(Option<std::net::SocketAddr>, Vec<u8>)> {
    let mut segments = Segments { bytes, segment };
    let read = pin!(proxy::read(&mut segments, mode)).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(read) = read else {
        panic!("the bytes are there");
    };
    let header = read.ok()?;
    Some((header.source, [&header.rest, segments.bytes].concat()))
}

struct Segments<'a> {
    bytes: &'a [u8],
    segment: usize,
}

impl AsyncRead for Segments<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.segment.min(self.bytes.len()).min(buf.remaining());
        let (segment, rest) = self.bytes.split_at(length);
        buf.put_slice(segment);
        self.bytes = rest;
        Poll::Ready(Ok(()))
    }
}
