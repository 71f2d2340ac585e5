use model::ErrorKind;

/// The result of a call inside this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why things refuse a request; each text says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name is too long or unprintable.
    #[error("a name has at most 1024 bytes and no control characters")]
    NameMalformed,
    /// A key is empty, too long or unprintable.
    #[error("a thing's key has 1 to 4096 bytes and no control characters")]
    KeyMalformed,
    /// Metadata is not an object that can be kept.
    #[error(
        "metadata is a JSON object without NUL characters, of at most {bytes} bytes and {depth} levels"
    )]
    MetadataMalformed {
        /// The most bytes accepted.
        bytes: usize,
        /// The most levels accepted.
        depth: usize,
    },
    /// A query parameter is not what it has to be.
    #[error("the query parameter {0} is malformed")]
    FilterMalformed(&'static str),
    /// A segment of the path is empty.
    #[error("the id in the path is empty")]
    IdMissing,
    /// A list in a request has no entries or too many.
    #[error("a list in a request has 1 to {0} entries, and no more connections than that")]
    ListLength(usize),
    /// Neither or both ways of naming a certificate were used.
    #[error("give the certificate as \"pem\" or its fingerprint as \"sha256\", not both")]
    CertificateMissing,
    /// A fingerprint is not one.
    #[error("a fingerprint is the SHA-256 of a certificate in 64 hexadecimal digits")]
    FingerprintMalformed,
    /// A PEM text holds no certificate we can read.
    #[error(
        "\"pem\" has to hold one X.509 certificate and nothing secret, at most 64 KiB: -----BEGIN CERTIFICATE-----"
    )]
    CertificateMalformed,
    /// A certificate is past its end.
    #[error("the certificate has expired; register one that is still good")]
    CertificateExpired,
    /// Another thing has the key.
    #[error("the key is taken; choose another, or leave it out to get a random one")]
    KeyTaken,
    /// The certificate is registered already, or was revoked.
    #[error(
        "the certificate is registered already; one certificate belongs to one thing, and stays revoked once revoked"
    )]
    CertificateTaken,
    /// The thing does not exist, or not for this caller.
    #[error("there is no such thing of yours")]
    ThingNotFound,
    /// The channel does not exist, or not for this caller.
    #[error("there is no such channel of yours")]
    ChannelNotFound,
    /// The thing is not connected to the channel.
    #[error("the thing is not connected to the channel")]
    ConnectionNotFound,
    /// The certificate is not registered for this thing.
    #[error("the thing has no such certificate")]
    CertificateNotFound,
    /// No thing has the key, or not the one named beside it.
    #[error("no thing has this key")]
    KeyUnknown,
    /// No thing has the certificate.
    #[error(
        "the certificate is registered for no thing; its owner does that at /things/<id>/certs"
    )]
    CertificateUnknown,
    /// The certificate that somebody presents was revoked.
    #[error("the certificate was revoked")]
    CertificateRevoked,
    /// The certificate that somebody presents has expired since it was registered.
    #[error("the certificate has expired")]
    CertificateOutdated,
    /// The thing may not use the channel.
    #[error("the thing is not connected to the channel, or one of them does not exist")]
    NotConnected,
    /// The channel is of somebody else, or of nobody.
    #[error("there is no such channel of yours")]
    ChannelForeign,
    /// The user was deleted while the request was under way.
    #[error("the user does not exist any more")]
    OwnerRemoved,
    /// A neighbour or the database failed; it says how.
    #[error(transparent)]
    Other(#[from] model::Error),
}

impl Error {
    /// Returns which of the nine kinds this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NameMalformed
            | Self::KeyMalformed
            | Self::MetadataMalformed { .. }
            | Self::FilterMalformed(_)
            | Self::IdMissing
            | Self::ListLength(_)
            | Self::CertificateMissing
            | Self::FingerprintMalformed
            | Self::CertificateMalformed
            | Self::CertificateExpired => ErrorKind::Invalid,
            Self::KeyTaken | Self::CertificateTaken => ErrorKind::Conflict,
            Self::ThingNotFound
            | Self::ChannelNotFound
            | Self::ConnectionNotFound
            | Self::CertificateNotFound => ErrorKind::NotFound,
            Self::KeyUnknown
            | Self::CertificateUnknown
            | Self::CertificateRevoked
            | Self::CertificateOutdated
            | Self::OwnerRemoved => ErrorKind::Unauthenticated,
            Self::NotConnected | Self::ChannelForeign => ErrorKind::Forbidden,
            Self::Other(error) => error.kind,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NameMalformed => "name_malformed",
            Self::KeyMalformed => "thing_key_malformed",
            Self::MetadataMalformed { .. } => "metadata_malformed",
            Self::FilterMalformed(_) => "filter_malformed",
            Self::IdMissing => "id_missing",
            Self::ListLength(_) => "list_length",
            Self::CertificateMissing => "certificate_missing",
            Self::FingerprintMalformed => "fingerprint_malformed",
            Self::CertificateMalformed => "certificate_malformed",
            Self::CertificateExpired | Self::CertificateOutdated => "certificate_expired",
            Self::KeyTaken => "thing_key_taken",
            Self::CertificateTaken => "certificate_taken",
            Self::ThingNotFound => "thing_not_found",
            Self::ChannelNotFound => "channel_not_found",
            Self::ConnectionNotFound => "connection_not_found",
            Self::CertificateNotFound => "certificate_not_found",
            Self::KeyUnknown => "thing_key_unknown",
            Self::CertificateUnknown => proto::things::CERTIFICATE_UNKNOWN,
            Self::CertificateRevoked => "certificate_revoked",
            Self::NotConnected => "thing_not_connected",
            Self::ChannelForeign => "channel_forbidden",
            Self::OwnerRemoved => "user_removed",
            Self::Other(_) => "internal",
        }
    }
}

impl From<Error> for model::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Other(error) => error,
            error => Self::new(error.kind(), error.code(), error.to_string()),
        }
    }
}
