use std::time::Duration;

use tls::{Alpn, ClientTls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::Error;
use crate::settings::Settings;
use crate::target::Target;

/// A connection, encrypted or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// Opens connections to the platform; clones share the TLS.
#[derive(Clone)]
pub(crate) struct Dialer {
    tls: Option<ClientTls>,
    /// How long one may take.
    limit: Duration,
}

impl Dialer {
    /// Reads the certificates; they were checked with the rest of the settings.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        // No protocol is negotiated: all that is spoken here is the default of its port.
        let open = || ClientTls::open(&settings.tls, Alpn::none());
        let tls = settings.tls.is_enabled().then(open).transpose();
        Ok(Self {
            tls: tls.map_err(|error| Error::Failed(error.to_string()))?,
            limit: settings.config.timeout.get(),
        })
    }

    /// Connects, and does the TLS handshake where the address asks for it.
    pub(crate) async fn dial(&self, target: &Target) -> Result<Box<dyn Io>, Error> {
        let failed = |reason: String| Error::Unreachable {
            url: target.url(),
            reason,
        };
        let attempt = async {
            let bare = target.host.trim_start_matches('[').trim_end_matches(']');
            let tcp = TcpStream::connect((bare, target.port))
                .await
                .map_err(|error| error.to_string())?;
            tcp.set_nodelay(true).map_err(|error| error.to_string())?;
            if !target.tls {
                return Ok(Box::new(tcp) as Box<dyn Io>);
            }
            let tls = self
                .tls
                .as_ref()
                .ok_or("MF_CLIENT_TLS_ENABLED is false, and the address asks for TLS")?;
            match tls.connect(&target.host, tcp).await {
                Ok((stream, _)) => Ok(Box::new(stream) as Box<dyn Io>),
                Err(refused) => Err(refused.to_string()),
            }
        };
        match timeout(self.limit, attempt).await {
            Ok(result) => result.map_err(failed),
            Err(_) => Err(failed(format!("no connection within {:?}", self.limit))),
        }
    }
}
