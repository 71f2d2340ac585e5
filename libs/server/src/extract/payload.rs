use std::error::Error as _;
use std::ops::Deref;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::StatusCode;
use tokio::time::timeout;

use crate::Problem;

/// How long a request body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The whole body of a request: 413 beyond the route's `DefaultBodyLimit`, 408 when it does not arrive in time.
#[derive(Clone, Debug)]
pub struct Payload(
    /// The bytes of the body.
    pub Bytes,
);

impl Deref for Payload {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await;
        let body = body.map_err(|_| {
            let hint = "the body did not arrive in time";
            Problem::with_status(StatusCode::REQUEST_TIMEOUT, "body_too_slow", hint)
        })?;
        body.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let hint = "the body is larger than this route accepts";
                return Problem::with_status(rejection.status(), "body_too_large", hint);
            }
            tracing::debug!(error = rejection.source(), "a body was cut off");
            Problem::invalid("body_incomplete", "the body ended before it was complete")
        })
    }
}
