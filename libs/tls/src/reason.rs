use std::fmt;

/// Why a connection did not come about: a stable word for metrics and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It took too long.
    Deadline,
    /// The peer does not speak TLS.
    Plaintext,
    /// No version of the protocol in common.
    Version,
    /// No cipher suite or key exchange group in common.
    NoSharedCipher,
    /// No application protocol in common.
    Alpn,
    /// A client certificate is needed and there is none.
    NoClientCert,
    /// The peer's certificate, or one of its chain, is past its time.
    Expired,
    /// The peer's certificate, or one of its chain, is before its time.
    NotYetValid,
    /// The chain does not end at a CA that is trusted.
    UnknownCa,
    /// The certificate is not for this use.
    Purpose,
    /// The certificate is revoked.
    Revoked,
    /// The revocation list of an issuer is missing or stale.
    CrlUnavailable,
    /// A key or signature is too weak.
    Weak,
    /// The public key is none of the pinned ones.
    Pin,
    /// The certificate names nobody who is allowed.
    Policy,
    /// The certificate is for another name, or there is none for the name that is asked for.
    Name,
    /// The listener has no certificate yet.
    NoCertificate,
    /// There is no OCSP response where there must be one.
    OcspUnavailable,
    /// A CA has checked a name, which is all such a connection is for.
    Challenge,
    /// The PROXY protocol header is missing or broken.
    ProxyHeader,
    /// Who forwards a certificate is not believed.
    Untrusted,
    /// The bytes are not what the protocol says.
    Protocol,
    /// The peer refused us; the text says with which alert.
    Alert,
    /// A limit is reached.
    Busy,
    /// The connection was lost.
    Io,
}

impl Reason {
    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Plaintext => "plaintext",
            Self::Version => "version",
            Self::NoSharedCipher => "no_shared_cipher",
            Self::Alpn => "alpn",
            Self::NoClientCert => "no_client_cert",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownCa => "unknown_ca",
            Self::Purpose => "purpose",
            Self::Revoked => "revoked",
            Self::CrlUnavailable => "crl_unavailable",
            Self::Weak => "weak",
            Self::Pin => "pin",
            Self::Policy => "policy",
            Self::Name => "name",
            Self::NoCertificate => "no_certificate",
            Self::OcspUnavailable => "ocsp_unavailable",
            Self::Challenge => "challenge",
            Self::ProxyHeader => "proxy_header",
            Self::Untrusted => "untrusted",
            Self::Protocol => "protocol",
            Self::Alert => "alert",
            Self::Busy => "busy",
            Self::Io => "io",
        }
    }

    /// Tells whether it is what scanners and health checks cause all day, not worth a warning.
    pub(crate) fn is_noise(self) -> bool {
        matches!(
            self,
            Self::Plaintext | Self::Io | Self::Deadline | Self::Name
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A connection that did not come about, and why; the text names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({reason})")]
pub struct Refused {
    /// The stable word.
    pub reason: Reason,
    /// The sentence for people.
    pub detail: String,
    /// SHA-256 of the certificate it is about, in hexadecimal digits.
    pub certificate: Option<String>,
}

impl Refused {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            certificate: None,
        }
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self::new(Reason::Io, format!("the connection was lost: {error}"))
    }
}
