use std::fmt::Write as _;

use model::BoxError;

/// The result of a call to the database.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// All that a store may branch on; the text of the driver is in the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row with the same unique value exists.
    #[error("a row with the same unique value exists")]
    Unique(#[source] BoxError),
    /// A row refers to one that does not exist, or is referred to by one that does.
    #[error("a reference between rows would be broken")]
    ForeignKey(#[source] BoxError),
    /// The database cannot be reached, is busy or out of resources; later may work.
    #[error("the database is not available")]
    Unavailable(#[source] BoxError),
    /// Anything else, which is a fault of ours or of the set-up.
    #[error("the database refused")]
    Internal(#[source] BoxError),
}

impl Error {
    pub(crate) fn internal(reason: impl Into<BoxError>) -> Self {
        Self::Internal(reason.into())
    }

    pub(crate) fn unavailable(reason: impl Into<BoxError>) -> Self {
        Self::Unavailable(reason.into())
    }
}

impl From<Error> for model::Error {
    /// Logs what the caller must not see, once.
    fn from(error: Error) -> Self {
        let chain = chain(&error);
        if let Error::Unavailable(_) = error {
            tracing::warn!(error = chain, "database not available");
            return Self::new(
                model::ErrorKind::Unavailable,
                "database_unavailable",
                "the database cannot be reached now; try again later",
            );
        }
        tracing::error!(error = chain, "database call failed");
        Self::internal()
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_sees_no_cause() {
        let error = model::Error::from(Error::internal("relation \"users\" does not exist"));
        assert_eq!(error, model::Error::internal());
        let error = model::Error::from(Error::unavailable("connection refused"));
        assert_eq!(error.kind, model::ErrorKind::Unavailable);
        assert_eq!(error.code, "database_unavailable");
    }
}
