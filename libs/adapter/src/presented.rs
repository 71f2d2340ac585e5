use std::fmt;
use std::sync::Arc;

use model::{Credentials, Error, ErrorKind, Result, ThingId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tls::{ClientAuth, PeerCert};

use crate::Fingerprint;

/// What a device must present on a listener to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceAuth {
    /// The key of a thing; a certificate is not looked at.
    #[default]
    Key,
    /// The certificate of a thing; a key beside it must be of the same thing.
    Cert,
    /// Both, of the same thing.
    CertAndKey,
    /// Either; when both, of the same thing.
    CertOrKey,
}

impl DeviceAuth {
    /// Returns what a listener demands when it is not told: what it asks for at the handshake.
    pub fn by_default(client_auth: ClientAuth) -> Self {
        match client_auth {
            ClientAuth::None => Self::Key,
            ClientAuth::Optional => Self::CertOrKey,
            ClientAuth::Require => Self::Cert,
        }
    }

    /// Tells whether nobody gets in without a certificate.
    pub fn needs_certificate(self) -> bool {
        match self {
            Self::Cert | Self::CertAndKey => true,
            Self::Key | Self::CertOrKey => false,
        }
    }
}

impl fmt::Display for DeviceAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Cert => "cert",
            Self::CertAndKey => "cert_and_key",
            Self::CertOrKey => "cert_or_key",
        })
    }
}

/// What a device presented, and what was demanded of it.
#[derive(Clone)]
pub struct Presented {
    auth: DeviceAuth,
    credentials: Option<Credentials>,
    certificate: Option<Arc<PeerCert>>,
    assumed: Option<ThingId>,
}

impl Presented {
    /// Stands for nothing, where whoever comes without anything is taken for this thing.
    pub fn assumed(thing: ThingId) -> Self {
        Self {
            assumed: Some(thing),
            ..Self::new(DeviceAuth::Key, None, None)
        }
    }

    pub(crate) fn as_assumed(&self) -> Option<ThingId> {
        self.assumed
    }

    /// Puts together what came by the protocol and the certificate that the transport verified.
    pub fn new(
        auth: DeviceAuth,
        credentials: Option<Credentials>,
        certificate: Option<Arc<PeerCert>>,
    ) -> Self {
        Self {
            auth,
            credentials,
            certificate: certificate.filter(|_| auth != DeviceAuth::Key),
            assumed: None,
        }
    }

    /// Makes it of a key alone, where nothing else is demanded.
    pub fn key(credentials: Credentials) -> Self {
        Self::new(DeviceAuth::Key, Some(credentials), None)
    }

    /// Succeeds when all that is demanded is there; what is there is returned, and none of it may be overlooked.
    pub(crate) fn proofs(&self) -> Result<(Option<&Credentials>, Option<&Arc<PeerCert>>)> {
        let (key, certificate) = (self.credentials.as_ref(), self.certificate.as_ref());
        if self.auth.needs_certificate() && certificate.is_none() {
            return Err(refused(
                "certificate_missing",
                "connect with TLS and the certificate of a thing",
            ));
        }
        let needs_key = match self.auth {
            DeviceAuth::Key | DeviceAuth::CertAndKey => true,
            DeviceAuth::Cert => false,
            DeviceAuth::CertOrKey => certificate.is_none(),
        };
        if needs_key && key.is_none() {
            return Err(refused("credentials_missing", "present the key of a thing"));
        }
        Ok((key, certificate))
    }

    /// Returns the certificate that counts.
    pub(crate) fn certificate(&self) -> Option<&PeerCert> {
        self.certificate.as_deref()
    }

    /// Returns what the registry knows the certificate by.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        self.certificate().map(|cert| cert.sha256.into())
    }
}

impl fmt::Debug for Presented {
    /// Leaves out what else the certificate says: with 0.9 that was the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("auth", &self.auth)
            .field("credentials", &self.credentials)
            .field("certificate", &self.fingerprint())
            .finish()
    }
}

/// Makes a refusal of somebody who is not known.
pub(crate) fn refused(code: &'static str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, code, hint)
}
