use std::fmt::Display;
use std::sync::atomic::{AtomicI64, Ordering};

use async_nats::jetstream::ErrorCode;
use model::{Error, ErrorKind, Timestamp};

/// When the last warning was written, in seconds since 1970.
static WARNED: AtomicI64 = AtomicI64::new(0);

/// Makes the refusal of a bus that cannot be reached; the cause goes to the log only.
///
/// There is at most one warning a second, as in an outage every request fails.
pub(super) fn unavailable(cause: impl Display) -> Error {
    let now = Timestamp::now().seconds();
    if WARNED.swap(now, Ordering::Relaxed) == now {
        tracing::debug!(%cause, "the NATS server does not do what it is asked");
    } else {
        tracing::warn!(%cause, "the NATS server does not do what it is asked");
    }
    Error::new(
        ErrorKind::Unavailable,
        "bus_unavailable",
        "the bus cannot be reached; try again later",
    )
}

/// Makes the error of a bus whose connection has ended for good.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "bus_closed", "the bus is closed")
}

/// Makes the error that ends a consumer whose name belongs to somebody else now.
pub(super) fn taken_over() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "consumer_taken_over",
        "the consumer was opened elsewhere",
    )
}

/// Makes the error of a set-up that only an operator can mend.
pub(super) fn refused(message: String) -> Error {
    Error::new(ErrorKind::Conflict, "bus_setup", message)
}

/// Tells whether the server has no room, rather than some other trouble.
pub(super) fn is_full(code: ErrorCode, description: &str) -> bool {
    match code {
        // The server says "maximum bytes exceeded" or "maximum messages exceeded"; a disk error has the same code.
        ErrorCode::STREAM_STORE_FAILED => description.contains("maximum"),
        ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED => true,
        _ => false,
    }
}
