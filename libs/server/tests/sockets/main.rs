//! What only real sockets show: deadlines, caps, drains and upgrades.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod client;
mod drain;
mod encrypted;
mod grpc;
mod limits;
mod requests;
mod runtime;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use server::{Limits, Listener, Runtime, Settings};
use tokio::time::timeout;

/// Waits for something that has to happen soon.
async fn soon<F: Future>(future: F) -> F::Output {
    let Ok(output) = timeout(Duration::from_secs(10), future).await else {
        panic!("it did not happen in time");
    };
    output
}

/// Serves a router on a free port.
async fn serve(limits: Limits, router: Router) -> (Runtime, SocketAddr) {
    let runtime = Runtime::new(Settings::default());
    let addr = serve_on(&runtime, limits, router).await;
    (runtime, addr)
}

async fn serve_on(runtime: &Runtime, limits: Limits, router: Router) -> SocketAddr {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any, limits).await.unwrap();
    let addr = listener.local_addr();
    runtime.http("test", listener, router);
    addr
}
