use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use openssl::ssl::{Ssl, SslContext};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_openssl::SslStream;

use crate::acme::Challenges;
use crate::classify::explain;
use crate::live::{Generation, Live, Reload};
use crate::ocsp::Staples;
use crate::recheck::Recheck;
use crate::settings::{Autocert, ClientAuth, Stapling};
use crate::verifier::Chain;
use crate::{
    Alpn, BuildError, Reason, Refused, Reloaded, Settings, TlsInfo, alpn, context, verify,
};

/// The TLS of a listener; clones share its material and a reload of it.
#[derive(Clone)]
pub struct ServerTls {
    live: Arc<Live<SslContext>>,
    shared: Arc<Shared>,
}

/// What the contexts of a listener share over all generations.
#[derive(Default)]
pub(crate) struct Shared {
    /// What CAs are told to look at; with it, a [`Reloader`](crate::Reloader) gets certificates for the listener.
    pub(crate) challenges: OnceLock<Challenges>,
    pub(crate) staples: Staples,
}

impl ServerTls {
    /// Reads certificate, key and CAs.
    pub fn open(settings: &Settings, alpn: Alpn) -> Result<Self, BuildError> {
        let shared = Arc::new(Shared::default());
        let of_generations = Arc::clone(&shared);
        let live = Live::open(
            settings.clone(),
            alpn,
            move |settings, loaded, alpn, generation| {
                context::server(settings, loaded, alpn, generation, &of_generations)
            },
        )?;
        Ok(Self {
            live: Arc::new(live),
            shared,
        })
    }

    /// Reads the files again; what is wrong with them leaves the old ones in use.
    pub fn reload(&self) -> Result<Reloaded, BuildError> {
        self.live.reload()
    }

    /// Returns the name of the listener.
    pub(crate) fn listener(&self) -> &'static str {
        self.live.settings.endpoint.name
    }

    /// Resolves with the number of the generation in use once it is another one.
    pub(crate) fn swapped(&self, known: u64) -> impl Future<Output = u64> + Send + use<> {
        self.live.swapped(known)
    }

    /// Returns what tells the CAs, lists and pins apart that clients are judged by now.
    pub(crate) fn trust(&self) -> Option<[u8; 32]> {
        self.live.trust()
    }

    /// Judges the certificate of an open connection by the material of now.
    pub(crate) fn judge(&self, chain: &Chain) -> Result<(), Refused> {
        self.live.judge(chain).map(drop)
    }

    pub(crate) fn live(&self) -> Arc<dyn Reload> {
        Arc::clone(&self.live) as _
    }

    /// Returns how it gets its certificates by itself, if it does.
    pub(crate) fn autocert(&self) -> Option<&Autocert> {
        self.live.settings.autocert.as_ref()
    }

    /// Lets CAs check names on this listener; the first call counts.
    pub(crate) fn answer(&self, challenges: &Challenges) {
        let _ = self.shared.challenges.set(challenges.clone());
    }

    /// Returns the places of OCSP responses, if it presents any.
    pub(crate) fn staples(&self) -> Option<&Staples> {
        let stapling = self.live.settings.policy.ocsp_stapling;
        (stapling != Stapling::Off).then_some(&self.shared.staples)
    }

    /// Prepares one connection with the material of now.
    pub(crate) fn begin<S: AsyncRead + AsyncWrite>(&self, io: S) -> Result<Handshake<S>, Refused> {
        let generation = self.live.current();
        let set_up = |error| Refused::new(Reason::Protocol, format!("cannot set up TLS: {error}"));
        let mut ssl = Ssl::new(&generation.context).map_err(set_up)?;
        verify::prepare(&mut ssl);
        Ok(Handshake {
            tls: self.clone(),
            generation,
            stream: SslStream::new(ssl, io).map_err(set_up)?,
        })
    }
}

/// A connection whose handshake is under way.
pub(crate) struct Handshake<S> {
    tls: ServerTls,
    generation: Arc<Generation<SslContext>>,
    pub(crate) stream: SslStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<S> {
    /// Does the handshake, and what OpenSSL does not check.
    pub(crate) async fn accept(&mut self) -> Result<TlsInfo, Refused> {
        let mut stream = Pin::new(&mut self.stream);
        if let Err(error) = stream.as_mut().accept().await {
            return Err(explain(&error, stream.ssl()));
        }
        let info = TlsInfo::of(stream.ssl(), self.generation.number);
        if let Err(refused) = self.check(&info) {
            // The handshake is over, so the peer can only be told that this is the end.
            let _ = self.stream.shutdown().await;
            return Err(refused);
        }
        Ok(info)
    }

    /// Returns what looks at the peer's certificate again, once it is judged by something else than in this handshake.
    pub(crate) fn recheck(&self) -> Recheck {
        Recheck::new(&self.tls, &self.generation)
    }

    fn check(&self, info: &TlsInfo) -> Result<(), Refused> {
        if info.alpn.as_deref().map(str::as_bytes) == Some(alpn::ACME) {
            let text = "a CA has checked a name, and the connection ends there";
            return Err(Refused::new(Reason::Challenge, text));
        }
        let live = &self.tls.live;
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
