//! Who is let in, and what the others are told (contract section 4).

use std::sync::atomic::Ordering;

use model::ChannelId;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use ws_adapter::Config;

use crate::stage::eventually;
use crate::{KEY, Ws};

#[tokio::test]
async fn the_key_is_in_the_header_or_w28_whole_in_the_query() {
    let ws = Ws::new().await;
    let thing = format!("Thing {KEY}");
    for (tail, headers) in [
        ("", vec![("authorization", KEY)]),
        ("", vec![("authorization", thing.as_str())]),
        ("?authorization=s3cret,key", vec![]),
        (
            "?x=1&authorization=s3cret%2Ckey&authorization=other",
            vec![],
        ),
        (
            "/a?authorization=Thing%20s3cret,key",
            vec![("authorization", "")],
        ),
    ] {
        let mut client = ws.open_with(tail, &headers).await;
        client.send("hello").await;
        assert_eq!(
            client.receive().await,
            Message::text("hello"),
            "{tail} {headers:?}"
        );
    }
}

#[tokio::test]
async fn the_header_comes_before_the_query() {
    let ws = Ws::new().await;
    let path = ws.path("?authorization=s3cret,key");
    assert_eq!(
        ws.refusal(&path, &[("authorization", "wrong")]).await.0,
        403
    );
}

#[tokio::test]
async fn refusals_come_in_the_order_of_0_9() {
    let ws = Ws::new().await;
    let (_, other) = ws.stage.things.connected("other");
    let key = ("authorization", KEY);
    let wrong = ("authorization", "wrong");
    let other = format!("/channels/{other}/messages");
    let unknown = format!("/channels/{}/messages", ChannelId::random());
    for (path, header, status, code) in [
        (ws.path(""), ("x", "y"), 403, "credentials_missing"),
        (
            ws.path("?authorization="),
            ("x", "y"),
            403,
            "credentials_missing",
        ),
        (ws.path("/a.b*c"), wrong, 403, "credentials_wrong"),
        (
            "/channels/b@d/messages".to_owned(),
            wrong,
            403,
            "credentials_wrong",
        ),
        (other, key, 403, "not_connected"),
        (unknown, key, 403, "not_connected"),
        (
            "/channels/unknown/messages".to_owned(),
            key,
            403,
            "channel_forbidden",
        ),
        (
            "/channels/b@d/messages".to_owned(),
            key,
            400,
            "channel_malformed",
        ),
        (
            "/channels//messages".to_owned(),
            key,
            400,
            "channel_malformed",
        ),
        (ws.path("/a.b*c"), key, 400, "subtopic_malformed"),
        (ws.path("/a%0d%0ab"), key, 400, "subtopic_malformed"),
        (ws.path("/%"), key, 400, "subtopic_malformed"),
    ] {
        let (got, body) = ws.refusal(&path, &[header]).await;
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (got, problem["code"].as_str()),
            (status, Some(code)),
            "{path} {header:?}"
        );
    }
    assert_eq!(ws.stage.adapter.sessions(), 0);
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_told_so() {
    let ws = Ws::new().await;
    let key = ("authorization", KEY);
    let good = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for without in 0..good.len() {
        let mut headers = vec![key];
        headers.extend(
            good.iter()
                .enumerate()
                .filter(|(place, _)| *place != without)
                .map(|(_, header)| *header),
        );
        let (status, body) = ws.get(&ws.path(""), &headers).await;
        assert_eq!(status, 400, "without {:?}: {body}", good[without]);
        assert!(body.contains("not_a_websocket"), "{body}");
    }
    let old = [
        &[key, ("sec-websocket-version", "8")][..],
        &good[..2],
        &good[3..],
    ]
    .concat();
    assert_eq!(ws.get(&ws.path(""), &old).await.0, 400);
    eventually("no session is left", async || {
        ws.stage.adapter.sessions() == 0
    })
    .await;
}

#[tokio::test]
async fn without_the_registry_it_is_unavailable() {
    let ws = Ws::new().await;
    ws.stage.things.away.store(true, Ordering::SeqCst);
    assert_eq!(
        ws.refusal(&ws.path(""), &[("authorization", KEY)]).await.0,
        503
    );
}

#[tokio::test]
async fn connections_have_a_limit() {
    let ws = Ws::with(Config {
        max_connections: 1,
        ..Config::default()
    })
    .await;
    let client = ws.open("").await;
    let (status, body) = ws.refusal(&ws.path(""), &[("authorization", KEY)]).await;
    assert_eq!(status, 429, "{body}");
    drop(client);
    eventually("the place is free again", async || {
        ws.stage.adapter.sessions() == 0
    })
    .await;
    ws.open("").await;
}

#[tokio::test]
async fn a_client_that_goes_away_during_the_handshake_leaves_nothing() {
    let ws = Ws::new().await;
    for _ in 0..20 {
        let mut tcp = TcpStream::connect(ws.addr).await.unwrap();
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: {KEY}\r\n\r\n",
            ws.path("")
        );
        tcp.write_all(head.as_bytes()).await.unwrap();
        tcp.set_zero_linger().unwrap();
    }
    eventually("no session is left", async || {
        ws.stage.adapter.sessions() == 0
    })
    .await;
}

#[tokio::test]
async fn the_version_is_that_of_0_9() {
    let ws = Ws::new().await;
    let (status, body) = ws.get("/version", &[]).await;
    let version: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, version),
        (
            200,
            serde_json::json!({"service": "websocket", "version": "0.9.0"})
        )
    );
    assert_eq!(
        ws.get("/nothing", &[]).await,
        (404, "404 page not found\n".to_owned())
    );
}
