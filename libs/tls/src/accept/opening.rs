use std::net::SocketAddr;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Inner, proxy};
use crate::settings::{Network, Plaintext, ProxyProtocol};
use crate::{Reason, Refused};

/// The first byte of every TLS connection: a handshake record.
const HANDSHAKE: u8 = 0x16;

/// What is known before the handshake.
pub(super) struct Opening {
    /// Who connected.
    pub(super) source: SocketAddr,
    /// What was read after the PROXY header.
    pub(super) rest: Bytes,
    pub(super) is_tls: bool,
}

impl Inner {
    /// The first stage: who connects, and what does it speak.
    pub(super) async fn opening(
        &self,
        io: &mut TcpStream,
        peer: SocketAddr,
    ) -> Result<Opening, Refused> {
        let limit = self.policy.first_byte_timeout.get();
        let silent = |_| Refused::new(Reason::Deadline, format!("nothing came within {limit:?}"));
        timeout(limit, self.read_opening(io, peer))
            .await
            .map_err(silent)?
    }

    async fn read_opening(&self, io: &mut TcpStream, peer: SocketAddr) -> Result<Opening, Refused> {
        let (source, rest) = self.source(io, peer).await?;
        if self.tls.is_none() {
            return Ok(Opening {
                source,
                rest,
                is_tls: false,
            });
        }
        let first = match rest.first() {
            Some(&first) => first,
            None => peek(io).await?,
        };
        let is_tls = first == HANDSHAKE;
        let plaintext_from = |networks: &[Network]| {
            let allowed = |network: &Network| network.contains(source.ip());
            self.policy.plaintext == Plaintext::Allow && networks.iter().any(allowed)
        };
        if !is_tls && !plaintext_from(&self.policy.plaintext_from) {
            let text = format!("the peer does not speak TLS (its first byte is {first:#04x})");
            return Err(Refused::new(Reason::Plaintext, text));
        }
        Ok(Opening {
            source,
            rest,
            is_tls,
        })
    }

    async fn source(
        &self,
        io: &mut TcpStream,
        peer: SocketAddr,
    ) -> Result<(SocketAddr, Bytes), Refused> {
        let mode = self.policy.proxy_protocol;
        if mode == ProxyProtocol::Off {
            return Ok((peer, Bytes::new()));
        }
        if !self.is_proxy(peer) {
            if mode == ProxyProtocol::Require {
                let text = "connections come through a trusted proxy here";
                return Err(Refused::new(Reason::ProxyHeader, text));
            }
            return Ok((peer, Bytes::new()));
        }
        let header = proxy::read(io, mode).await?;
        Ok((header.source.unwrap_or(peer), header.rest))
    }

    pub(super) fn is_proxy(&self, peer: SocketAddr) -> bool {
        let proxies = &self.policy.proxy_protocol_from;
        self.policy.proxy_protocol != ProxyProtocol::Off
            && proxies.iter().any(|network| network.contains(peer.ip()))
    }
}

/// Looks at the next byte; one byte, because a peek for more returns at once while only part is there.
async fn peek(io: &TcpStream) -> Result<u8, Refused> {
    let mut first = [0];
    if io.peek(&mut first).await? == 0 {
        return Err(Refused::new(
            Reason::Io,
            "the peer went away without a word",
        ));
    }
    Ok(first[0])
}
