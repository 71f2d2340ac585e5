use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tower::Service;
use tracing::Level;

use super::activity::{Activity, Flight};
use super::origin::Origin;
use crate::{Peer, Problem, request_id};

/// Answers one request: with a request id to ask for, a log line at debug level, and 500 instead of a panic.
pub(super) fn answer(
    router: &Router,
    activity: &Arc<Activity>,
    origin: &Origin,
    mut request: Request<Incoming>,
) -> impl Future<Output = Response<Answer>> + Send + use<> {
    let flight = activity.begin(request.version());
    let line = tracing::enabled!(Level::DEBUG).then(|| Line::new(&request, origin.peer));
    let mut router = router.clone();
    let scope = request_id::Scope::new(request.headers());
    let secured = origin.secured(request.headers_mut());
    request.extensions_mut().insert(origin.peer);
    if let Some(connection) = origin.connection() {
        request.extensions_mut().insert(connection);
    }
    let response = async move {
        match secured {
            Ok(secured) => {
                if secured.certificate().is_some() {
                    request.extensions_mut().insert(secured);
                }
                router.call(request).await
            }
            Err(problem) => Ok(problem.into_response()),
        }
    };
    let response = AssertUnwindSafe(response).catch_unwind();
    scope.run(async move {
        let response = match response.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => panicked(&*panic),
        };
        if let Some(line) = line {
            line.log(&response);
        }
        response.map(|body| Answer {
            body,
            _flight: flight,
        })
    })
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("no text"), "a handler panicked");
    Problem::from(model::Error::internal()).into_response()
}

/// What the log says about a request: never its query string or headers, which hold keys.
struct Line {
    method: http::Method,
    path: String,
    peer: Peer,
    start: Instant,
}

impl Line {
    fn new<B>(request: &Request<B>, peer: Peer) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            peer,
            start: Instant::now(),
        }
    }

    fn log(self, response: &Response) {
        tracing::debug!(
            method = %self.method,
            path = self.path,
            status = response.status().as_u16(),
            peer = %self.peer.0,
            duration_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

/// A response body that keeps its request under way until it is sent.
pub(super) struct Answer {
    body: Body,
    _flight: Flight,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_log_line_has_no_query_string() {
        let request = Request::get("/channels/1/messages?authorization=hunter2");
        let request = request.header("Authorization", "hunter2").body(()).unwrap();
        let line = Line::new(&request, Peer(SocketAddr::from(([127, 0, 0, 1], 1))));
        assert_eq!(line.path, "/channels/1/messages");
    }
}
