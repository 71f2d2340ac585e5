use std::pin::Pin;
use std::sync::Arc;

use openssl::ssl::{Ssl, SslContext};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_openssl::SslStream;

use crate::classify::explain;
use crate::live::{Live, Reload};
use crate::settings::ClientAuth;
use crate::{Alpn, BuildError, Reason, Refused, Reloaded, Settings, TlsInfo, context, verify};

/// The TLS of a listener; clones share its material and a reload of it.
#[derive(Clone)]
pub struct ServerTls(Arc<Live<SslContext>>);

impl ServerTls {
    /// Reads certificate, key and CAs.
    pub fn open(settings: &Settings, alpn: Alpn) -> Result<Self, BuildError> {
        Live::open(settings.clone(), alpn, context::server)
            .map(Arc::new)
            .map(Self)
    }

    /// Reads the files again; what is wrong with them leaves the old ones in use.
    pub fn reload(&self) -> Result<Reloaded, BuildError> {
        self.0.reload()
    }

    pub(crate) fn live(&self) -> Arc<dyn Reload> {
        Arc::clone(&self.0) as _
    }

    /// Prepares one connection with the material of now.
    pub(crate) fn begin<S: AsyncRead + AsyncWrite>(&self, io: S) -> Result<Handshake<S>, Refused> {
        let generation = self.0.current();
        let set_up = |error| Refused::new(Reason::Protocol, format!("cannot set up TLS: {error}"));
        let mut ssl = Ssl::new(&generation.context).map_err(set_up)?;
        verify::prepare(&mut ssl);
        Ok(Handshake {
            tls: self.clone(),
            generation: generation.number,
            stream: SslStream::new(ssl, io).map_err(set_up)?,
        })
    }
}

/// A connection whose handshake is under way.
pub(crate) struct Handshake<S> {
    tls: ServerTls,
    generation: u64,
    pub(crate) stream: SslStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<S> {
    /// Does the handshake, and what OpenSSL does not check.
    pub(crate) async fn accept(&mut self) -> Result<TlsInfo, Refused> {
        let mut stream = Pin::new(&mut self.stream);
        if let Err(error) = stream.as_mut().accept().await {
            return Err(explain(&error, stream.ssl()));
        }
        let info = TlsInfo::of(stream.ssl(), self.generation);
        if let Err(refused) = self.check(&info) {
            // The handshake is over, so the peer can only be told that this is the end.
            let _ = self.stream.shutdown().await;
            return Err(refused);
        }
        Ok(info)
    }

    fn check(&self, info: &TlsInfo) -> Result<(), Refused> {
        let live = &self.tls.0;
        if live.alpn.is_required() && info.alpn.is_none() {
            let text = "the peer does not negotiate the protocol (ALPN), which it must here";
            return Err(Refused::new(Reason::Alpn, text));
        }
        // A resumed session was verified when it was made, which may be long ago.
        let expired = info.peer.as_ref().filter(|cert| cert.is_expired());
        if let Some(cert) = expired
            && live.settings.client_auth != ClientAuth::None
        {
            return Err(Refused {
                certificate: Some(cert.fingerprint()),
                ..Refused::new(
                    Reason::Expired,
                    "the certificate of the session has expired",
                )
            });
        }
        Ok(())
    }
}
