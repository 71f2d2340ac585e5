//! How errors and strays look: plainly on new routes, with the habits of 0.9 on its routes.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode, Uri};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{Problem, status};

/// How the 0.9 routes of one service differ from those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// The status of a conflict: 409 for an e-mail, 422 for a thing's key.
    pub conflict: StatusCode,
    /// Whether a success without a body still says that it is JSON.
    pub empty_is_json: bool,
}

impl Legacy {
    /// The habits of users.
    pub const USERS: Self = Self {
        conflict: StatusCode::CONFLICT,
        empty_is_json: true,
    };
    /// The habits of things.
    pub const THINGS: Self = Self {
        conflict: StatusCode::UNPROCESSABLE_ENTITY,
        empty_is_json: true,
    };
    /// The habits of the HTTP and WebSocket adapters.
    pub const ADAPTER: Self = Self {
        conflict: StatusCode::CONFLICT,
        empty_is_json: false,
    };
}

/// Wraps new routes: errors have the plain statuses, a wrong path or method answers with a problem.
pub fn api(router: Router) -> Router {
    router.layer(Habits(Style::Api))
}

/// Wraps routes of 0.9: errors have its statuses, and strays are treated as its router did.
///
/// An unknown path or method is 404 `404 page not found`; an unknown path that ends in `/` is redirected to the
/// one without. A handler must not answer 404 or 405 other than by a [`Problem`].
pub fn legacy(router: Router, habits: Legacy) -> Router {
    router.layer(Habits(Style::Legacy(habits)))
}

#[derive(Clone, Copy)]
enum Style {
    Api,
    Legacy(Legacy),
}

#[derive(Clone, Copy)]
struct Habits(Style);

impl<S> Layer<S> for Habits {
    type Service = Habitual<S>;

    fn layer(&self, inner: S) -> Habitual<S> {
        Habitual {
            inner,
            style: self.0,
        }
    }
}

#[derive(Clone)]
struct Habitual<S> {
    inner: S,
    style: Style,
}

impl<S> Service<Request> for Habitual<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let slash = request.uri().path().ends_with('/');
        let redirect = slash.then(|| request.uri().clone());
        Answer {
            future: self.inner.call(request),
            style: self.style,
            redirect,
        }
    }
}

pin_project! {
    struct Answer<F> {
        #[pin]
        future: F,
        style: Style,
        redirect: Option<Uri>,
    }
}

impl<F> Future for Answer<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(response) = ready!(this.future.poll(cx));
        Poll::Ready(Ok(match this.style {
            Style::Api => plain(response),
            Style::Legacy(habits) => old(response, *habits, this.redirect.as_ref()),
        }))
    }
}

fn plain(response: Response) -> Response {
    let status = response.status();
    if !is_stray(&response) {
        return response;
    }
    let (code, hint) = if status == StatusCode::METHOD_NOT_ALLOWED {
        (
            "method_not_allowed",
            "this path has other methods; see the Allow header",
        )
    } else {
        ("no_such_path", "there is nothing at this path")
    };
    Problem::with_status(status, code, hint).into_response()
}

fn old(mut response: Response, habits: Legacy, redirect: Option<&Uri>) -> Response {
    if response.status().is_success() {
        if habits.empty_is_json && !response.headers().contains_key(CONTENT_TYPE) {
            const JSON: HeaderValue = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        return response;
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return problem.render(|kind| status::legacy(kind, habits.conflict));
    }
    if !is_stray(&response) {
        return response;
    }
    if let Some(location) = redirect.and_then(without_slash) {
        return (StatusCode::FOUND, [(LOCATION, location)]).into_response();
    }
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// Tells whether the router itself answered, because no route matched.
fn is_stray(response: &Response) -> bool {
    matches!(
        response.status(),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
    ) && response.extensions().get::<Problem>().is_none()
}

/// Returns the path and query without the slashes at the end of the path.
///
/// Those at the beginning become one: `//host/` must not turn into a redirect to another host.
fn without_slash(uri: &Uri) -> Option<HeaderValue> {
    let path = uri.path().trim_matches('/');
    if path.is_empty() {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}"));
    HeaderValue::try_from(format!("/{path}{}", query.unwrap_or_default())).ok()
}

#[cfg(test)]
mod tests;
