use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::lenient::Lenient;
use super::payload::Payload;
use crate::Problem;

/// A JSON request body, read as leniently as Go did in 0.9, and no more.
///
/// The content type must contain `application/json`, else 415. Unknown fields and what follows the first value
/// are ignored, names match in any case, `null` is the default. NUL characters, halves of surrogates and deep
/// nesting are 400: nothing behind this can store them.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(
    /// The value.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let hint = "the Content-Type must be application/json";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::with_status(
                status,
                "content_type_unsupported",
                hint,
            ));
        }
        let body = Payload::from_request(request, state).await?;
        parse(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.contains("application/json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let invalid = |reason: String| Problem::invalid("json_malformed", reason);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Value::deserialize(&mut deserializer)
        .map_err(|error| invalid(format!("the body is not JSON: {error}")))?;
    if has_nul(&value) {
        return Err(invalid(
            "a text in the body holds a NUL character".to_owned(),
        ));
    }
    T::deserialize(Lenient(value))
        .map_err(|error| invalid(format!("the body does not fit: {error}")))
}

/// The depth is bounded by serde_json's own limit.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
