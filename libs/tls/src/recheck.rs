use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use openssl::ssl::{SslContext, SslRef};

use crate::live::Generation;
use crate::server_tls::ServerTls;
use crate::verifier::Chain;
use crate::{Reason, Refused};

/// Looks at the certificate of an open connection again when what it was judged by has changed.
pub(crate) struct Recheck {
    tls: ServerTls,
    /// The CAs, lists and pins it was judged by.
    digest: [u8; 32],
    /// Resolves with a generation of the material that is another one.
    swapped: Pin<Box<dyn Future<Output = u64> + Send>>,
}

impl Recheck {
    /// Begins with the generation the handshake was done with.
    pub(crate) fn new(tls: &ServerTls, generation: &Generation<SslContext>) -> Self {
        Self {
            digest: generation.trust().unwrap_or_default(),
            swapped: Box::pin(tls.swapped(generation.number)),
            tls: tls.clone(),
        }
    }

    /// Resolves when the certificate is no longer good; what is refused is counted and logged.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, ssl: &SslRef) -> Poll<Refused> {
        loop {
            let generation = ready!(self.swapped.as_mut().poll(cx));
            self.swapped = Box::pin(self.tls.swapped(generation));
            let digest = self.tls.trust().unwrap_or_default();
            if digest == self.digest {
                continue;
            }
            self.digest = digest;
            if let Err(refused) = self.judge(ssl) {
                self.report(&refused);
                return Poll::Ready(refused);
            }
        }
    }

    fn judge(&self, ssl: &SslRef) -> Result<(), Refused> {
        let gone = || Refused::new(Reason::Policy, "the certificate cannot be judged any more");
        let intermediates = ssl.peer_cert_chain().into_iter().flatten();
        let chain = Chain {
            leaf: ssl.peer_certificate().ok_or_else(gone)?,
            intermediates: intermediates.map(ToOwned::to_owned).collect(),
        };
        self.tls.judge(&chain)
    }

    fn report(&self, refused: &Refused) {
        let Refused {
            reason,
            detail,
            certificate,
        } = refused;
        let listener = self.tls.listener();
        metrics::counter!("tls_connections_ended_total", "listener" => listener, "reason" => reason.as_str())
            .increment(1);
        tracing::warn!(listener, %reason, certificate, "connection ended: {detail}");
    }
}
