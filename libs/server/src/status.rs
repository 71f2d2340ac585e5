//! The one table from error kinds to HTTP statuses.

use http::StatusCode;
use model::ErrorKind;

/// Returns the status of an error on a new route.
pub(crate) fn api(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the status of an error on a route of 0.9: it knew no 401 and no 504, and its conflicts differ by service.
pub(crate) fn legacy(kind: ErrorKind, conflict: StatusCode) -> StatusCode {
    match kind {
        ErrorKind::Unauthenticated => StatusCode::FORBIDDEN,
        ErrorKind::Conflict => conflict,
        ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Invalid
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Exhausted
        | ErrorKind::Unavailable
        | ErrorKind::Internal => api(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        for (kind, on_new, on_old) in [
            (ErrorKind::Invalid, 400, 400),
            (ErrorKind::Unauthenticated, 401, 403),
            (ErrorKind::Forbidden, 403, 403),
            (ErrorKind::NotFound, 404, 404),
            (ErrorKind::Conflict, 409, 422),
            (ErrorKind::Exhausted, 429, 429),
            (ErrorKind::Timeout, 504, 503),
            (ErrorKind::Unavailable, 503, 503),
            (ErrorKind::Internal, 500, 500),
        ] {
            assert_eq!(api(kind).as_u16(), on_new, "{kind:?}");
            let old = legacy(kind, StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(old.as_u16(), on_old, "{kind:?}");
        }
        assert_eq!(
            legacy(ErrorKind::Conflict, StatusCode::CONFLICT).as_u16(),
            409
        );
    }
}
