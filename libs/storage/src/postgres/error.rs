use model::BoxError;
use tokio_postgres::error::{DbError, SqlState};

use crate::Error;

/// Tells errors apart by their SQLSTATE, never by their text.
pub(super) fn classify(error: tokio_postgres::Error) -> Error {
    let Some(state) = error.code() else {
        let lost = error.is_closed() || caused_by_io(&error);
        return if lost {
            Error::unavailable(error)
        } else {
            Error::internal(error)
        };
    };
    let text = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(refusal) => describe(refusal),
        None => error.into(),
    };
    match state {
        state if *state == SqlState::UNIQUE_VIOLATION => Error::Unique(text(error)),
        state
            if [
                SqlState::FOREIGN_KEY_VIOLATION,
                SqlState::RESTRICT_VIOLATION,
            ]
            .contains(state) =>
        {
            Error::ForeignKey(text(error))
        }
        state if is_passing(state.code()) => Error::unavailable(text(error)),
        _ => Error::internal(text(error)),
    }
}

/// Says what the server said but for its detail, which repeats the values of a row: they are nothing for a log.
fn describe(refusal: &DbError) -> BoxError {
    let (severity, message, code) = (refusal.severity(), refusal.message(), refusal.code());
    format!("{severity}: {message} (SQLSTATE {})", code.code()).into()
}

/// Connection lost, out of resources, stopped by an operator or a timeout, beaten by another transaction, stand-by, a database
/// that takes no connections now.
fn is_passing(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "53" | "57"))
        || matches!(
            code,
            "40001" | "40P01" | "55P03" | "25006" | "25P03" | "55000"
        )
}

fn caused_by_io(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}
