//! Errors over gRPC: the kind is the status code, the stable code leads the message.

use model::{Error, ErrorKind};
use tonic::{Code, Status};

/// Turns an error into a status whose message is `code: hint`.
pub fn to_status(error: &Error) -> Status {
    let code = match error.kind {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::AlreadyExists,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Internal => Code::Internal,
    };
    Status::new(code, format!("{}: {}", error.code, error.message))
}

/// Turns a status back; what only a transport can say counts as not reachable.
pub fn from_status(status: &Status) -> Error {
    let kind = match status.code() {
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::Invalid,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Forbidden,
        Code::NotFound => ErrorKind::NotFound,
        Code::AlreadyExists | Code::FailedPrecondition => ErrorKind::Conflict,
        Code::ResourceExhausted => ErrorKind::Exhausted,
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::Unavailable | Code::Cancelled | Code::Aborted | Code::Unknown => {
            ErrorKind::Unavailable
        }
        Code::Ok | Code::Internal | Code::Unimplemented | Code::DataLoss => ErrorKind::Internal,
    };
    match status.message().split_once(": ") {
        Some((code, hint)) if is_code(code) => Error::new(kind, code.to_owned(), hint.to_owned()),
        _ => Error::new(
            kind,
            fallback(kind),
            "the neighbouring service did not answer as expected; see its log",
        ),
    }
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn fallback(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Exhausted => "exhausted",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in [
            ErrorKind::Invalid,
            ErrorKind::Unauthenticated,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::Exhausted,
            ErrorKind::Timeout,
            ErrorKind::Unavailable,
            ErrorKind::Internal,
        ] {
            let error = Error::new(kind, "some_code", "a hint: with a colon");
            assert_eq!(from_status(&to_status(&error)), error);
        }
    }

    #[test]
    fn a_foreign_status_gets_a_code_of_ours() {
        let error = from_status(&Status::unavailable("tcp connect error: refused"));
        assert_eq!(
            (error.kind, error.code.as_ref()),
            (ErrorKind::Unavailable, "unavailable")
        );
    }
}
