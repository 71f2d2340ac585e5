use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::get;
use server::{Limits, Runtime, Settings};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::client::Client;
use crate::{serve_on, soon};

#[tokio::test]
async fn a_request_under_way_is_answered_and_nothing_new_is_accepted() {
    let runtime = Runtime::new(Settings::default());
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        move || async move {
            entered.add_permits(1);
            leave.acquire().await.unwrap().forget();
            "late"
        }
    };
    let router = Router::new()
        .route("/", get(|| async { "x" }))
        .route("/slow", get(slow));
    let addr = serve_on(&runtime, Limits::default(), router).await;
    let mut busy = Client::connect(addr).await;
    busy.get("/slow").await;
    soon(entered.acquire()).await.unwrap().forget();
    let mut idle = Client::connect(addr).await;
    idle.get("/").await;
    assert_eq!(idle.response().await.1, "x");

    runtime.stop().cancel();
    assert_eq!(idle.closed().await, "");
    let refused = async { while TcpStream::connect(addr).await.is_ok() {} };
    soon(refused).await;

    leave.add_permits(1);
    assert_eq!(busy.response().await.1, "late");
    assert_eq!(busy.closed().await, "");
    soon(runtime.wait()).await.unwrap();
}

#[tokio::test]
async fn a_websocket_says_goodbye_before_the_process_ends() {
    let runtime = Runtime::new(Settings::default());
    let upgrade = {
        let runtime = runtime.clone();
        move |ws: WebSocketUpgrade| async move {
            let stop = runtime.stop();
            ws.on_upgrade(move |mut socket| {
                runtime.track(async move {
                    stop.cancelled().await;
                    socket.send(Message::Close(None)).await.unwrap();
                })
            })
        }
    };
    let router = Router::new().route("/", get(upgrade));
    // The place under the cap is kept after the upgrade.
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let addr = serve_on(&runtime, limits, router).await;
    let mut client = Client::connect(addr).await;
    client
        .send(
            "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    let (head, _) = client.response().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(Client::connect(addr).await.closed().await, "");

    runtime.stop().cancel();
    soon(runtime.wait()).await.unwrap();
    let mut goodbye = [0; 2];
    soon(client.0.read_exact(&mut goodbye)).await.unwrap();
    assert_eq!(goodbye, [0x88, 0]);
}
