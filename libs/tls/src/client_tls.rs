use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslConnector, StatusType};
use openssl::x509::verify::X509CheckFlags;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::classify::explain;
use crate::live::{Live, Reload};
use crate::settings::{Profile, Stapling};
use crate::{Alpn, BuildError, Reason, Refused, Reloaded, Settings, TlsInfo, context, verify};

/// The TLS of a client; clones share its material and a reload of it.
#[derive(Clone)]
pub struct ClientTls(Arc<Live<SslConnector>>);

impl ClientTls {
    /// Reads certificate, key and CAs.
    pub fn open(settings: &Settings, alpn: Alpn) -> Result<Self, BuildError> {
        let build = |settings: &_, loaded: &_, alpn: &_, _| context::client(settings, loaded, alpn);
        Live::open(settings.clone(), alpn, build)
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

    /// Does the handshake with a server that is reached by a name or an address.
    ///
    /// With TLS 1.3 the server judges our certificate only after this: it may still end the connection at the first
    /// read.
    pub async fn connect<S>(&self, host: &str, io: S) -> Result<(SslStream<S>, TlsInfo), Refused>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let settings = &self.0.settings;
        let generation = self.0.current();
        let name = settings.policy.server_name.as_deref().unwrap_or(host);
        let set_up = |error| Refused::new(Reason::Protocol, format!("cannot set up TLS: {error}"));
        let ssl = self.ssl(&generation.context, name).map_err(set_up)?;
        let mut stream = SslStream::new(ssl, io).map_err(set_up)?;
        let limit = settings.policy.handshake_timeout.get();
        match timeout(limit, Pin::new(&mut stream).connect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(explain(&error, stream.ssl())),
            Err(_) => {
                let text = format!("the handshake took more than {limit:?}");
                return Err(Refused::new(Reason::Deadline, text));
            }
        }
        let info = TlsInfo::of(stream.ssl(), generation.number);
        if self.0.alpn.is_required() && info.alpn.is_none() {
            let text = "the server does not negotiate the protocol (ALPN), which it must here";
            return Err(Refused::new(Reason::Alpn, text));
        }
        Ok((stream, info))
    }

    fn ssl(&self, connector: &SslConnector, name: &str) -> Result<Ssl, ErrorStack> {
        let settings = &self.0.settings;
        // An address in brackets is how URLs write IPv6.
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let verify = !settings.policy.insecure_skip_verify;
        let mut ssl = connector
            .configure()?
            .verify_hostname(verify)
            .use_server_name_indication(bare.parse::<IpAddr>().is_err())
            .into_ssl(bare)?;
        let mut flags = X509CheckFlags::NO_PARTIAL_WILDCARDS;
        if settings.profile == Profile::Strict {
            // OpenSSL would take the CN of a certificate that has no DNS names.
            flags |= X509CheckFlags::NEVER_CHECK_SUBJECT;
        }
        ssl.param_mut().set_hostflags(flags);
        if settings.policy.ocsp_stapling != Stapling::Off {
            ssl.set_status_type(StatusType::OCSP)?;
        }
        verify::prepare(&mut ssl);
        Ok(ssl)
    }
}
