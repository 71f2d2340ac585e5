use std::net::SocketAddr;

use axum::body::Body;
use http::{Request, header::CONTENT_TYPE};
use server::{Limits, Listener, Runtime, Settings, connect};
use tonic::service::Routes;
use tonic::transport::Channel;
use tower::ServiceExt;

use crate::client::Client;
use crate::soon;

/// Calls a method nobody has: the status says that gRPC answered.
pub(crate) async fn call(channel: Channel) -> Option<String> {
    let request = Request::post("/no.Service/Method")
        .header(CONTENT_TYPE, "application/grpc")
        .body(tonic::body::Body::new(Body::empty()))
        .unwrap();
    let response = soon(channel.oneshot(request)).await.ok()?;
    let status = response.headers().get("grpc-status")?;
    Some(status.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_lazy_channel_reaches_the_server_until_it_drains() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any, Limits::default()).await.unwrap();
    let addr = listener.local_addr();
    let channel = connect(&addr.to_string(), None).unwrap();
    let runtime = Runtime::new(Settings::default());
    runtime.grpc("grpc", listener, Routes::default());
    assert_eq!(call(channel.clone()).await.as_deref(), Some("12"));

    runtime.stop().cancel();
    soon(runtime.wait()).await.unwrap();
    assert_eq!(call(channel).await, None);
}

#[tokio::test]
async fn a_silent_peer_is_closed() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let limits = Limits {
        first_byte_timeout: std::time::Duration::from_millis(20),
        ..Limits::default()
    };
    let listener = Listener::bind(any, limits).await.unwrap();
    let addr = listener.local_addr();
    let runtime = Runtime::new(Settings::default());
    runtime.grpc("grpc", listener, Routes::default());
    Client::connect(addr).await.closed().await;
}
