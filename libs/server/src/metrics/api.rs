use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use ::metrics::{Counter, Histogram};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use pin_project_lite::pin_project;

/// The request metrics of one service, under the names of 0.9.
#[derive(Clone, Debug)]
pub struct Api {
    service: &'static str,
}

/// The counter and the timer of one method; cheap to clone, lookups are over.
#[derive(Clone)]
pub struct Method {
    count: Counter,
    latency: Histogram,
}

impl Api {
    /// Makes the metrics `{service}_api_request_count` and `.._latency_microseconds`; `http_adapter` for example.
    pub const fn new(service: &'static str) -> Self {
        Self { service }
    }

    /// Returns the metrics of one method of the service, for what is no HTTP request.
    pub fn method(&self, name: &'static str) -> Method {
        let metric = |suffix: &str| format!("{}_api_request_{suffix}", self.service);
        Method {
            count: ::metrics::counter!(metric("count"), "method" => name),
            // Seconds, whatever the name says: so it is in 0.9 (contract section 0.3).
            latency: ::metrics::histogram!(metric("latency_microseconds"), "method" => name),
        }
    }

    /// Wraps a handler so that its calls are counted and timed as `name`: `get(api.count("view_thing", view))`.
    pub fn count<H>(&self, name: &'static str, handler: H) -> Counted<H> {
        Counted {
            method: self.method(name),
            handler,
        }
    }
}

impl Method {
    /// Counts one call that began at `start` and ends now.
    pub fn record(&self, start: Instant) {
        self.count.increment(1);
        self.latency.record(start.elapsed());
    }
}

/// A handler whose calls are counted and timed.
#[derive(Clone)]
pub struct Counted<H> {
    method: Method,
    handler: H,
}

impl<T, S, H: Handler<T, S>> Handler<T, S> for Counted<H> {
    type Future = CountedFuture<H::Future>;

    fn call(self, request: Request, state: S) -> Self::Future {
        CountedFuture {
            start: Instant::now(),
            future: self.handler.call(request, state),
            method: self.method,
        }
    }
}

pin_project! {
    /// The answer of a [`Counted`] handler; one that is dropped before it is done counts nothing.
    pub struct CountedFuture<F> {
        #[pin]
        future: F,
        start: Instant,
        method: Method,
    }
}

impl<F: Future<Output = Response>> Future for CountedFuture<F> {
    type Output = Response;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let this = self.project();
        let response = ready!(this.future.poll(cx));
        this.method.record(*this.start);
        Poll::Ready(response)
    }
}
