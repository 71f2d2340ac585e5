use std::fmt;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ssl::SslConnector;
use postgres_openssl::TlsConnector;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::tls::MakeTlsConnect;

use crate::live::{Live, Reload};
use crate::settings::{ClientAuth, Endpoint, Material, Pem, Policy, Profile, Role, Settings};
use crate::{Alpn, BuildError, Reloaded, context};

/// What is verified of a PostgreSQL server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: the connection is encrypted, with whomever.
    Nothing,
    /// That its certificate is of a CA that is trusted.
    Chain,
    /// That, and that it is for this host.
    Name,
}

/// A file, and the name of the variable that says where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What messages call it.
    pub variable: String,
    /// Its path.
    pub path: String,
}

/// The files of a connection to PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresFiles {
    /// Our certificate.
    pub cert: Option<Named>,
    /// Its key.
    pub key: Option<Named>,
    /// The CAs of the server; without them, those of the system.
    pub root: Option<Named>,
}

/// The TLS of connections to PostgreSQL by the rules of libpq; clones share its material and a reload of it.
#[derive(Clone)]
pub struct PostgresTls {
    live: Arc<Live<SslConnector>>,
    verify: Verify,
}

const ENDPOINT: Endpoint = Endpoint {
    name: "postgres",
    role: Role::Client,
    prefixes: &[],
    legacy: &[],
};

impl PostgresTls {
    /// Reads certificate, key and CAs.
    pub fn open(files: &PostgresFiles, verify: Verify) -> Result<Self, BuildError> {
        let pem = |file: &Option<Named>| {
            let file = file.as_ref()?;
            Some(Pem::file(&file.variable, &file.path))
        };
        let settings = Settings {
            endpoint: ENDPOINT,
            autocert: None,
            policy: Policy {
                insecure_skip_verify: verify == Verify::Nothing,
                ..Policy::default()
            },
            material: Material {
                cert: pem(&files.cert),
                key: pem(&files.key),
                ca: pem(&files.root),
            },
            pins: None,
            enabled: true,
            client_auth: ClientAuth::None,
            // libpq takes the CN of a certificate without DNS names, and certificates of version 1.
            profile: Profile::Legacy,
        };
        let build = |settings: &_, loaded: &_, alpn: &_, _| context::client(settings, loaded, alpn);
        let live = Live::open(settings, Alpn::none(), build)?;
        Ok(Self {
            live: Arc::new(live),
            verify,
        })
    }

    /// Reads the files again; what is wrong with them leaves the old ones in use.
    pub fn reload(&self) -> Result<Reloaded, BuildError> {
        self.live.reload()
    }

    pub(crate) fn live(&self) -> Arc<dyn Reload> {
        Arc::clone(&self.live) as _
    }
}

impl fmt::Debug for PostgresTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTls")
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

impl<S> MakeTlsConnect<S> for PostgresTls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = postgres_openssl::TlsStream<S>;
    type TlsConnect = TlsConnector;
    type Error = ErrorStack;

    /// Uses the material of now: each connection of a pool is made with the newest.
    fn make_tls_connect(&mut self, host: &str) -> Result<TlsConnector, ErrorStack> {
        let connector = &self.live.current().context;
        let mut configuration = connector.configure()?;
        configuration.set_verify_hostname(self.verify == Verify::Name);
        Ok(TlsConnector::new(configuration, host))
    }
}
