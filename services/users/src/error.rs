use model::ErrorKind;

/// The result of a call inside this service.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why users refuse a request; each text says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An e-mail address is not one.
    #[error(
        "the e-mail address is malformed; it looks like john.doe@example.com and has 6 to 254 bytes"
    )]
    EmailMalformed,
    /// There is no password.
    #[error("the password is missing")]
    PasswordMissing,
    /// A new password is shorter than this installation allows.
    #[error("the password is too short; it needs at least {0} bytes")]
    PasswordTooShort(usize),
    /// A password is longer than any.
    #[error("the password is too long; it has at most 1024 bytes")]
    PasswordTooLong,
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
    /// Somebody has the e-mail address.
    #[error("the e-mail address is taken; log in, or use another")]
    EmailTaken,
    /// No user has these credentials; which of the two is wrong is not told.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The present password is not the one given for it.
    #[error("the old password is wrong")]
    WrongPassword,
    /// A token was not issued here, or was altered.
    #[error("the token is not valid; get one with POST /tokens")]
    TokenInvalid,
    /// A token is past its time.
    #[error("the token has expired; get a new one with POST /tokens")]
    TokenExpired,
    /// A token is older than the password, or its user is gone.
    #[error(
        "the token was revoked: the password was changed or the user deleted; get a new one with POST /tokens"
    )]
    TokenRevoked,
    /// Too many logins failed for this account or from this address.
    #[error("too many failed logins; wait a few minutes and try again")]
    TooManyAttempts,
    /// Too many logins are under way.
    #[error("too many logins at once; try again in a moment")]
    Busy,
    /// The database or a fault of ours; it says how.
    #[error(transparent)]
    Other(#[from] model::Error),
}

impl Error {
    /// Returns which of the nine kinds this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::EmailMalformed
            | Self::PasswordMissing
            | Self::PasswordTooShort(_)
            | Self::PasswordTooLong
            | Self::MetadataMalformed { .. } => ErrorKind::Invalid,
            Self::EmailTaken => ErrorKind::Conflict,
            Self::WrongCredentials
            | Self::WrongPassword
            | Self::TokenInvalid
            | Self::TokenExpired
            | Self::TokenRevoked => ErrorKind::Unauthenticated,
            Self::TooManyAttempts | Self::Busy => ErrorKind::Exhausted,
            Self::Other(error) => error.kind,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::EmailMalformed => "email_malformed",
            Self::PasswordMissing => "password_missing",
            Self::PasswordTooShort(_) => "password_too_short",
            Self::PasswordTooLong => "password_too_long",
            Self::MetadataMalformed { .. } => "metadata_malformed",
            Self::EmailTaken => "email_taken",
            Self::WrongCredentials => "credentials_wrong",
            Self::WrongPassword => "password_wrong",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Busy => "too_many_logins",
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
