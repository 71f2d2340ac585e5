//! TLS to NATS: the client library reads the files again for each connection, so that they can be replaced at any time.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore};

/// Makes OpenSSL compute the TLS of the NATS client; the process calls it before anything else.
pub fn install_crypto() {
    // It fails when there is one already, which is this one: no other is compiled in.
    let _ = rustls_openssl::default_provider().install_default();
}

/// The files for TLS to NATS, all in PEM.
#[derive(Clone, Debug, Default)]
pub struct NatsTls {
    /// The CAs that sign the servers; without it those of the system do.
    pub ca_certs: Option<PathBuf>,
    /// The certificate that servers are shown, followed by its intermediates.
    pub client_cert: Option<PathBuf>,
    /// The private key of that certificate.
    pub client_key: Option<PathBuf>,
}

/// Names one of the files of [`NatsTls`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatsFile {
    /// [`NatsTls::ca_certs`].
    CaCerts,
    /// [`NatsTls::client_cert`].
    ClientCert,
    /// [`NatsTls::client_key`].
    ClientKey,
}

impl NatsTls {
    /// Returns what is wrong with the files, none of whose content is in the text.
    pub fn check(&self) -> Vec<(NatsFile, String)> {
        let mut problems = Vec::new();
        if let Some(path) = &self.ca_certs
            && let Err(problem) = check_ca(path)
        {
            problems.push((NatsFile::CaCerts, problem));
        }
        match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(key)) => problems.extend(check_pair(cert, key).err()),
            (Some(_), None) => problems.push((
                NatsFile::ClientKey,
                "is not set, and the client certificate is nothing without its key".to_owned(),
            )),
            (None, Some(_)) => problems.push((
                NatsFile::ClientCert,
                "is not set, and the client key is nothing without its certificate".to_owned(),
            )),
            (None, None) => {}
        }
        problems
    }

    pub(super) fn is_set(&self) -> bool {
        self.ca_certs.is_some() || self.client_cert.is_some() || self.client_key.is_some()
    }

    pub(super) fn apply(&self, mut options: ConnectOptions) -> ConnectOptions {
        if let Some(path) = &self.ca_certs {
            options = options.add_root_certificates(path.clone());
        }
        if let (Some(cert), Some(key)) = (&self.client_cert, &self.client_key) {
            options = options.add_client_certificate(cert.clone(), key.clone());
        }
        options
    }
}

/// Returns why there is no TLS and what to look at, when that is what the attempt failed of.
pub(super) fn failure(error: &ConnectError) -> Option<String> {
    if let Some(cause) = rustls_error(error) {
        return Some(format!("{cause}; {}", advice(cause)));
    }
    // A file that went bad since it was checked; the library may quote it.
    (error.kind() == ConnectErrorKind::Tls)
        .then(|| "certificates, of ours or of the system, cannot be loaded".to_owned())
}

fn rustls_error(error: &ConnectError) -> Option<&Error> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error passes itself over as a source of what it wraps.
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "MF_NATS_URL must call the server by a name of its certificate",
        Error::InvalidCertificate(_) => "MF_NATS_CA_CERTS must hold the CA of the server",
        Error::AlertReceived(_) => {
            "MF_NATS_CLIENT_CERT must be set to a certificate that the server accepts"
        }
        _ => "it does not speak TLS as it should",
    }
}

fn check_ca(path: &Path) -> Result<(), String> {
    let mut store = RootCertStore::empty();
    for cert in certificates(path)? {
        store
            .add(cert)
            .map_err(|_| unusable(path, "holds something that is no certificate"))?;
    }
    Ok(())
}

fn check_pair(cert: &Path, key: &Path) -> Result<(), (NatsFile, String)> {
    let chain = certificates(cert).map_err(|problem| (NatsFile::ClientCert, problem))?;
    let bad_key = |problem| (NatsFile::ClientKey, problem);
    let der = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        bad_key(pem_problem(
            key,
            &error,
            "holds no private key without a passphrase",
        ))
    })?;
    match CertifiedKey::from_der(chain, der, &rustls_openssl::default_provider()) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(bad_key(unusable(
            key,
            "is not the key of the client certificate",
        ))),
        Err(Error::InvalidCertificate(_)) => Err((
            NatsFile::ClientCert,
            unusable(cert, "holds something that is no certificate"),
        )),
        Err(_) => Err(bad_key(unusable(
            key,
            "holds a key of a kind that is not supported",
        ))),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    const NONE: &str = "holds no certificate in PEM";
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|error| pem_problem(path, &error, NONE))?;
    if found.is_empty() {
        return Err(unusable(path, NONE));
    }
    Ok(found)
}

/// Says why a file cannot be read; what is wrong inside it is not quoted, for it could be the key.
fn pem_problem(path: &Path, error: &PemError, otherwise: &str) -> String {
    match error {
        PemError::Io(error) => format!("cannot read {}: {error}", path.display()),
        _ => unusable(path, otherwise),
    }
}

fn unusable(path: &Path, reason: &str) -> String {
    format!("{} {reason}", path.display())
}
