use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use http::{Request, Version};
use server::{Legacy, Limits, Payload, Peer, connect, legacy};
use tower::ServiceExt;

use crate::client::Client;
use crate::{serve, soon};

fn routes() -> Router {
    let panics = || async {
        if true {
            panic!("on purpose");
        }
    };
    let length = |Payload(body): Payload| async move { body.len().to_string() };
    let router = Router::new()
        .route("/panic", get(panics))
        .route(
            "/peer",
            get(|Peer(peer): Peer| async move { peer.to_string() }),
        )
        .route("/small", post(length).layer(DefaultBodyLimit::max(10)));
    legacy(router, Legacy::ADAPTER)
}

async fn client() -> (server::Runtime, Client, SocketAddr) {
    let (runtime, addr) = serve(Limits::default(), routes()).await;
    let client = Client::connect(addr).await;
    let local = client.0.local_addr().unwrap();
    (runtime, client, local)
}

#[tokio::test]
async fn a_panic_is_500_and_the_connection_goes_on() {
    let (_runtime, mut client, local) = client().await;
    client.get("/panic").await;
    let (head, body) = client.response().await;
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
    assert!(
        head.contains("content-type: application/problem+json"),
        "{head}"
    );
    assert!(!body.contains("on purpose"), "{body}");
    client.get("/peer").await;
    assert_eq!(client.response().await.1, local.to_string());
}

#[tokio::test]
async fn a_problem_carries_the_id_of_its_request() {
    let (_runtime, mut client, _) = client().await;
    client
        .send("GET /panic HTTP/1.1\r\nHost: test\r\nX-Request-Id: mine-1\r\n\r\n")
        .await;
    let (head, body) = client.response().await;
    assert!(head.contains("x-request-id: mine-1\r\n"), "{head}");
    assert!(body.contains("\"request_id\":\"mine-1\""), "{body}");
}

#[tokio::test]
async fn a_body_over_the_limit_of_its_route_is_413() {
    let (_runtime, mut client, _) = client().await;
    for (body, status, answer) in [
        ("0123456789", 200, "10"),
        ("0123456789a", 413, "body_too_large"),
    ] {
        let length = body.len();
        client
            .send(&format!(
                "POST /small HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}"
            ))
            .await;
        let (head, body) = client.response().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(body.contains(answer), "{body}");
    }
}

#[tokio::test]
async fn a_body_cut_short_is_no_fault_of_ours() {
    let (_runtime, mut client, _) = client().await;
    client
        .send("POST /small HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        .await;
    let answer = client.closed().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn http2_without_tls_is_served_on_the_same_port() {
    let (runtime, addr) = serve(Limits::default(), routes()).await;
    let channel = connect(&addr.to_string(), None).unwrap();
    let body = tonic::body::Body::new(Body::from("12345"));
    let request = Request::post("/small").body(body).unwrap();
    let response = soon(channel.oneshot(request)).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, Version::HTTP_2)
    );

    runtime.stop().cancel();
    soon(runtime.wait()).await.unwrap();
}
