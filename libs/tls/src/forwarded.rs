//! Client certificates that arrive in a header, from a proxy that ended TLS.
//!
//! The proxy is believed to have seen the key; the certificate itself is judged here, by the rules of the handshake.

mod header;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::live::{Live, Reload};
use crate::settings::Settings;
use crate::{Alpn, BuildError, PeerCert, Reason, Refused, Reloaded};

/// The forwarded certificates of one listener; clones share its material and a reload of it.
#[derive(Clone)]
pub struct Forwarded(Arc<Live<()>>);

impl Forwarded {
    /// Reads the CAs of a listener that takes forwarded certificates.
    pub fn open(settings: &Settings) -> Result<Option<Self>, BuildError> {
        if !settings.is_forwarded() {
            return Ok(None);
        }
        let live = Live::open(settings.clone(), Alpn::none(), |_, _, _, _| Ok(()))?;
        Ok(Some(Self(Arc::new(live))))
    }

    /// Reads the files again; what is wrong with them leaves the old ones in use.
    pub fn reload(&self) -> Result<Reloaded, BuildError> {
        self.0.reload()
    }

    pub(crate) fn live(&self) -> Arc<dyn Reload> {
        Arc::clone(&self.0) as _
    }

    /// Returns the name of the header, which is no secret and no name of HTTP's own.
    pub fn header(&self) -> &str {
        let name = self.0.settings.policy.forwarded_cert_header.as_deref();
        name.unwrap_or_default()
    }

    /// Returns the certificate that a peer forwards, if it is one that is believed and the certificate is good.
    ///
    /// `values` are those of the [header](Self::header), `more` those of the header with `-Chain` behind its name, which holds
    /// the intermediates (RFC 9440). No value, or an empty one, is no certificate. What is refused is counted and logged.
    pub fn certificate<'a>(
        &self,
        peer: SocketAddr,
        values: impl Iterator<Item = &'a [u8]>,
        more: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Arc<PeerCert>>, Refused> {
        let values: Vec<_> = values.collect();
        if values.is_empty() {
            return Ok(None);
        }
        let listener = self.0.settings.endpoint.name;
        let count = |result| {
            metrics::counter!("tls_forwarded_certificates_total", "listener" => listener, "result" => result)
                .increment(1);
        };
        let judged = self.judge(peer, &values, more);
        match &judged {
            Ok(Some(_)) => count("ok"),
            Ok(None) => {}
            Err(refused) => {
                let Refused {
                    reason,
                    detail,
                    certificate,
                } = refused;
                count(reason.as_str());
                tracing::warn!(listener, %peer, %reason, certificate, "forwarded certificate refused: {detail}");
            }
        }
        judged
    }

    fn judge<'a>(
        &self,
        peer: SocketAddr,
        values: &[&'a [u8]],
        more: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Arc<PeerCert>>, Refused> {
        if !self.believes(peer) {
            let text = "only a configured proxy may forward certificates";
            return Err(Refused::new(Reason::Untrusted, text));
        }
        let value = match values {
            [b""] => return Ok(None),
            [value] => value,
            _ => {
                let text = "the header with the certificate is there more than once";
                return Err(Refused::new(Reason::Protocol, text));
            }
        };
        let chain = header::read(value, more).ok_or_else(|| {
            let text = "the header holds no certificate as URL-escaped PEM, nor as RFC 9440 has it";
            Refused::new(Reason::Protocol, text)
        })?;
        self.0.judge(&chain).map(Some)
    }

    /// Tells whether a peer is a proxy whose word counts.
    pub fn believes(&self, peer: SocketAddr) -> bool {
        let proxies = &self.0.settings.policy.forwarded_cert_from;
        proxies.iter().any(|network| network.contains(peer.ip()))
    }
}
