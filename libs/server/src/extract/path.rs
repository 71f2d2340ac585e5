use axum::extract::{FromRequestParts, Path as AxumPath};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The parameters of the path; one that is no UTF-8 after decoding is 400.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(
    /// The parameters.
    pub T,
);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = AxumPath::from_request_parts(parts, state).await;
        path.map(|AxumPath(value)| Self(value)).map_err(|_| {
            Problem::invalid(
                "path_malformed",
                "a part of the path is not what it should be",
            )
        })
    }
}
