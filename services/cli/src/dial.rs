use std::io;
use std::time::Duration;

use tls::{Alpn, ClientTls, Reason, Refused};
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
        self.connect(target)
            .await
            .map_err(|failure| Error::Unreachable {
                url: target.url(),
                reason: failure.text,
            })
    }

    /// The same, for those who want to know more about a failure.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Box<dyn Io>, Failure> {
        match timeout(self.limit, self.attempt(target)).await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                reason: None,
                text: format!("no connection within {:?}", self.limit),
            }),
        }
    }

    async fn attempt(&self, target: &Target) -> Result<Box<dyn Io>, Failure> {
        let bare = target.host.trim_start_matches('[').trim_end_matches(']');
        let tcp = TcpStream::connect((bare, target.port)).await?;
        tcp.set_nodelay(true)?;
        if !target.tls {
            return Ok(Box::new(tcp));
        }
        let tls = self.tls.as_ref().ok_or_else(|| Failure {
            reason: None,
            text: "MF_CLIENT_TLS_ENABLED is false, and the address asks for TLS".to_owned(),
        })?;
        let (stream, _) = tls.connect(&target.host, tcp).await?;
        Ok(Box::new(stream))
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The word of TLS for it, when TLS is what failed.
    pub(crate) reason: Option<Reason>,
    /// The sentence for people.
    pub(crate) text: String,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            reason: None,
            text: error.to_string(),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self {
            reason: Some(refused.reason),
            text: refused.to_string(),
        }
    }
}
