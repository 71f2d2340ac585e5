use std::borrow::Cow;

/// Any error, for the source of an [`ErrorKind::Internal`].
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of a call from one role to another.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The nine ways in which a request can fail; one table maps them to every protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong and will be wrong again.
    Invalid,
    /// It is not known who is asking.
    Unauthenticated,
    /// It is known who is asking, and they may not.
    Forbidden,
    /// What was asked for does not exist, or not for this caller.
    NotFound,
    /// It clashes with something that exists.
    Conflict,
    /// A limit or quota is used up; later may work.
    Exhausted,
    /// An answer did not come in time.
    Timeout,
    /// Something needed is not reachable now.
    Unavailable,
    /// A fault of ours; its cause is logged and never shown to the caller.
    Internal,
}

/// What crosses the border between roles: a kind, a stable code for programs and a hint for people.
///
/// The code is lower-case words joined by `_`; the message never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Which of the nine.
    pub kind: ErrorKind,
    /// A stable identifier of the refusal, such as `thing_key_taken`.
    pub code: Cow<'static, str>,
    /// What the caller can do about it.
    pub message: Cow<'static, str>,
}

impl Error {
    /// Makes an error from a kind, a code and a hint.
    pub fn new(
        kind: ErrorKind,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
        }
    }

    /// Makes the error that hides a fault of ours; the caller of this logs the cause.
    pub fn internal() -> Self {
        Self::new(
            ErrorKind::Internal,
            "internal",
            "an internal error; the log of the service has its cause",
        )
    }
}
