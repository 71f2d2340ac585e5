use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use model::{Error, ErrorKind};
use serde::Serialize;

use crate::{request_id, status};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An error on its way to an HTTP client, as `application/problem+json`.
///
/// Anything that turns into a [`model::Error`] turns into a problem, so `?` in a handler is enough. The status
/// is that of [`api`](crate::api) unless [`legacy`](crate::legacy) is around the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    error: Error,
    status: Option<StatusCode>,
}

impl Problem {
    /// Makes a problem whose status HTTP knows and the nine kinds do not, such as 413 or 415.
    pub fn with_status(
        status: StatusCode,
        code: &'static str,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            error: Error::new(ErrorKind::Invalid, code, hint),
            status: Some(status),
        }
    }

    /// Makes a problem of something wrong in the request.
    pub fn invalid(code: &'static str, hint: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::Invalid, code, hint).into()
    }

    /// Returns the error inside.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Renders the problem with the statuses of `table`.
    pub(crate) fn render(self, table: impl FnOnce(ErrorKind) -> StatusCode) -> Response {
        let status = self.status.unwrap_or_else(|| table(self.error.kind));
        let request_id = request_id::current();
        let body = Body {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &self.error.message,
            code: &self.error.code,
            request_id: request_id.as_deref(),
        };
        let mut response = (status, crate::json::encode(&body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(id) = request_id.and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(request_id::HEADER, id);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            status: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.render(status::api)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}
