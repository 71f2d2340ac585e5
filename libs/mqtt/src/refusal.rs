use model::ErrorKind;

use crate::packet::Reason;
use crate::topic::TopicError;

/// Returns the reason of a PUBACK, PUBREC, SUBACK or DISCONNECT for a failed request.
pub(crate) const fn of_kind(kind: ErrorKind) -> Reason {
    match kind {
        ErrorKind::Invalid => Reason::TopicNameInvalid,
        // Whether something exists is no business of those who may not use it.
        ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::NotFound => {
            Reason::NotAuthorized
        }
        ErrorKind::Exhausted => Reason::QuotaExceeded,
        ErrorKind::Conflict | ErrorKind::Timeout | ErrorKind::Unavailable => {
            Reason::ImplementationSpecificError
        }
        ErrorKind::Internal => Reason::UnspecifiedError,
    }
}

/// Returns the reason of a CONNACK for a refused connection.
pub(crate) const fn of_connect(kind: ErrorKind) -> Reason {
    match kind {
        ErrorKind::Invalid | ErrorKind::Unauthenticated => Reason::BadUserNameOrPassword,
        ErrorKind::Forbidden | ErrorKind::NotFound => Reason::NotAuthorized,
        ErrorKind::Exhausted => Reason::QuotaExceeded,
        ErrorKind::Conflict | ErrorKind::Timeout | ErrorKind::Unavailable => {
            Reason::ServerUnavailable
        }
        ErrorKind::Internal => Reason::UnspecifiedError,
    }
}

/// Returns the reason of a SUBACK for a filter that is none here.
pub(crate) const fn of_filter(error: TopicError) -> Reason {
    match error {
        // Well-formed, but not below a channel the client could have a right to.
        TopicError::Shape | TopicError::Channel => Reason::NotAuthorized,
        TopicError::Text
        | TopicError::Wildcard
        | TopicError::Levels
        | TopicError::Share
        | TopicError::Subtopic(_) => Reason::TopicFilterInvalid,
    }
}

/// Returns the reason of a PUBACK, PUBREC or DISCONNECT for a topic name that is none here.
pub(crate) const fn of_name(error: TopicError) -> Reason {
    match error {
        TopicError::Shape | TopicError::Channel => Reason::NotAuthorized,
        TopicError::Text
        | TopicError::Wildcard
        | TopicError::Levels
        | TopicError::Share
        | TopicError::Subtopic(_) => Reason::TopicNameInvalid,
    }
}
