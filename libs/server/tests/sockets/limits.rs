use std::time::Duration;

use axum::Router;
use axum::routing::get;
use server::Limits;

use crate::client::Client;
use crate::{serve, soon};

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// Limits of which all but those under test are out of the way.
fn patient() -> Limits {
    let hour = Duration::from_secs(3600);
    Limits {
        first_byte_timeout: hour,
        header_timeout: hour,
        idle_timeout: hour,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_silent_peer_is_closed() {
    let limits = Limits {
        first_byte_timeout: Duration::from_millis(20),
        ..patient()
    };
    let (_runtime, addr) = serve(limits, hello()).await;
    assert_eq!(Client::connect(addr).await.closed().await, "");
}

#[tokio::test]
async fn half_a_head_is_closed() {
    let limits = Limits {
        header_timeout: Duration::from_millis(20),
        ..patient()
    };
    let (_runtime, addr) = serve(limits, hello()).await;
    for start in ["G", "GET / HTTP/1.1\r\nHost: te", "P", "PRI * HTTP/2.0\r\n"] {
        let mut client = Client::connect(addr).await;
        client.send(start).await;
        assert_eq!(client.closed().await, "", "{start}");
    }
}

#[tokio::test]
async fn half_a_second_head_is_closed_too() {
    let limits = Limits {
        header_timeout: Duration::from_secs(1),
        ..patient()
    };
    let (_runtime, addr) = serve(limits, hello()).await;
    let mut client = Client::connect(addr).await;
    client.get("/").await;
    assert_eq!(client.response().await.1, "hello");
    client.send("GET / HT").await;
    assert_eq!(client.closed().await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(200),
        ..patient()
    };
    let (_runtime, addr) = serve(limits, hello()).await;
    let mut client = Client::connect(addr).await;
    client.get("/").await;
    assert_eq!(client.response().await.1, "hello");
    assert_eq!(client.closed().await, "");
}

#[tokio::test]
async fn a_long_answer_is_not_idle() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(20),
        ..patient()
    };
    let (release, released) = tokio::sync::watch::channel(());
    let slow = move || {
        let mut released = released.clone();
        async move {
            released.changed().await.unwrap();
            "late"
        }
    };
    let router = hello().route("/slow", get(slow));
    let (_runtime, addr) = serve(limits, router).await;
    let mut slow = Client::connect(addr).await;
    slow.get("/slow").await;
    // A second connection that is idle meanwhile reaches the limit; the first one outlives it.
    let mut idle = Client::connect(addr).await;
    idle.get("/").await;
    assert!(idle.closed().await.ends_with("hello"));
    release.send(()).unwrap();
    assert_eq!(slow.response().await.1, "late");
}

#[tokio::test]
async fn connections_over_the_cap_are_closed_until_there_is_a_place() {
    let limits = Limits {
        connections: 1,
        ..patient()
    };
    let (_runtime, addr) = serve(limits, hello()).await;
    let mut first = Client::connect(addr).await;
    first.get("/").await;
    assert_eq!(first.response().await.1, "hello");

    assert_eq!(Client::connect(addr).await.closed().await, "");

    drop(first);
    let served = async {
        loop {
            let mut next = Client::connect(addr).await;
            next.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                .await;
            if next.closed().await.ends_with("hello") {
                return;
            }
        }
    };
    soon(served).await;
}

#[tokio::test]
async fn heads_are_bounded_in_bytes_and_number() {
    let limits = Limits {
        headers: 10,
        header_bytes: 8192,
        ..patient()
    };
    let (_runtime, addr) = serve(limits, hello()).await;
    let large = format!("X: {}\r\n", "x".repeat(10_000));
    let many = "X: x\r\n".repeat(11);
    for headers in [large, many] {
        let mut client = Client::connect(addr).await;
        client
            .send(&format!("GET / HTTP/1.1\r\nHost: test\r\n{headers}\r\n"))
            .await;
        let answer = client.closed().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}
