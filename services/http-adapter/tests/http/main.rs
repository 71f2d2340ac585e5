//! The HTTP adapter as a client sees it, over a registry that does as it is told and the real bus.
#![expect(clippy::unwrap_used, reason = "tests may panic, their helpers too")]

#[path = "../../../../libs/adapter/tests/stage/full.rs"]
mod full;
#[path = "../../../../libs/adapter/tests/stage/mod.rs"]
mod stage;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use adapter::{Adapter, Settings};
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_adapter::Config;
use http_body_util::BodyExt;
use messaging::{
    Filter, LiveGuard, LiveLimits, LiveReceiver, Message, Overflow, Protocol, live_queue,
};
use model::{ChannelId, ThingId};
use proto::things::Things;
use stage::{Stage, eventually};
use tower::ServiceExt;
use uuid::Uuid;

const KEY: &str = "s3cret-k";

/// The adapter, a thing that may publish, and what arrives at its channel.
struct Http {
    stage: Stage,
    router: axum::Router,
    thing: ThingId,
    channel: ChannelId,
    queue: LiveReceiver<Message>,
    _subscription: LiveGuard,
}

struct Answer {
    status: StatusCode,
    content_type: String,
    body: String,
}

impl Answer {
    fn code(&self) -> String {
        assert_eq!(self.content_type, "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl Http {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let (thing, channel) = stage.things.connected(KEY);
        let config = Config {
            max_body_bytes: 1000,
            ..Config::default()
        };
        let router = http_adapter::router(stage.adapter.clone(), &config);
        let (sender, queue) = live_queue(LiveLimits {
            messages: 64,
            bytes: 1 << 20,
            overflow: Overflow::Cut,
        });
        let subscription = stage
            .adapter
            .subscribe(Filter::Channel(channel), &sender)
            .await
            .unwrap();
        Self {
            stage,
            router,
            thing,
            channel,
            queue,
            _subscription: subscription,
        }
    }

    fn path(&self, tail: &str) -> String {
        format!("/channels/{}/messages{tail}", self.channel)
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let content_type = parts
            .headers
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            content_type: content_type.unwrap_or_default(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn post(&self, path: &str, authorization: &str) -> Answer {
        let request = Request::post(path)
            .header("authorization", authorization)
            .body(Body::from("on"));
        self.send(request.unwrap()).await
    }

    /// The next message that was published; there must be one.
    fn message(&mut self) -> Arc<Message> {
        self.queue.try_recv().expect("a message was published")
    }
}

#[tokio::test]
async fn a_message_is_accepted_as_it_is() {
    let mut http = Http::new().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = Request::post(http.path("/a%2Fb///c."))
        .header("authorization", KEY)
        .header("content-type", "application/senml+json; x=\"Y\"")
        .header("traceparent", trace)
        .body(Body::from(&b"\xff\x00\r\n"[..]));
    let answer = http.send(request.unwrap()).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::ACCEPTED, "")
    );
    assert_eq!(answer.content_type, "");
    let message = http.message();
    assert_eq!(
        (message.channel, message.publisher),
        (http.channel, http.thing)
    );
    assert_eq!(message.subtopic.as_str(), "a.b.c");
    assert_eq!(message.protocol, Protocol::Http);
    assert_eq!(message.content_type, "application/senml+json; x=\"Y\"");
    assert_eq!(&message.payload[..], b"\xff\x00\r\n");
    assert_eq!(message.trace.as_deref(), Some(trace));
    assert!(message.origin.is_some());
}

#[tokio::test]
async fn nothing_but_the_key_is_needed() {
    let mut http = Http::new().await;
    let request = Request::post(http.path("?ignored=%zz"))
        .header("authorization", KEY)
        .body(Body::empty());
    assert_eq!(
        http.send(request.unwrap()).await.status,
        StatusCode::ACCEPTED
    );
    let message = http.message();
    assert_eq!(
        (message.content_type.as_str(), message.payload.len()),
        ("", 0)
    );
    assert_eq!(
        (message.trace.as_deref(), message.subtopic.as_str()),
        (None, "")
    );
    assert_eq!(
        http.post(&http.path("/"), KEY).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn every_form_of_the_credentials_is_accepted() {
    let http = Http::new().await;
    let basic = |id: &str| format!("Basic {}", base64(&format!("{id}:{KEY}")));
    for authorization in [
        KEY.to_owned(),
        format!("Thing {KEY}"),
        format!("thing {KEY}"),
        basic(&http.thing.to_string()),
        basic(""),
    ] {
        assert_eq!(
            http.post(&http.path(""), &authorization).await.status,
            StatusCode::ACCEPTED,
            "{authorization}"
        );
    }
    for authorization in [
        basic(&ThingId::random().to_string()),
        "Basic %".to_owned(),
        format!("Bearer {KEY}"),
    ] {
        assert_eq!(
            http.post(&http.path(""), &authorization).await.status,
            StatusCode::FORBIDDEN,
            "{authorization}"
        );
    }
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

#[tokio::test]
async fn the_path_is_judged_before_the_credentials() {
    let mut http = Http::new().await;
    for (path, code) in [
        (http.path("/a.b*c.d"), "subtopic_malformed"),
        (http.path("/%"), "subtopic_malformed"),
        (http.path("/a%0d%0aPUB"), "subtopic_malformed"),
        (http.path("/a+b"), "subtopic_malformed"),
        (
            http.path(&format!("/{}", "a".repeat(2000))),
            "subtopic_malformed",
        ),
        ("/channels/b@d/messages".to_owned(), "channel_malformed"),
        ("/channels/a%20b/messages".to_owned(), "channel_malformed"),
        ("/channels//messages".to_owned(), "channel_malformed"),
        ("/channels//messages/a".to_owned(), "channel_malformed"),
    ] {
        let answer = http.post(&path, "").await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::BAD_REQUEST, code),
            "{path}"
        );
    }
    assert_eq!(http.queue.try_recv(), None);
}

#[tokio::test]
async fn strangers_are_refused_and_w24_so_is_a_missing_key() {
    let mut http = Http::new().await;
    let (_, other) = http.stage.things.connected("other key");
    for (path, authorization) in [
        (http.path(""), ""),
        (http.path(""), "wrong"),
        (http.path(""), "Basic"),
        (format!("/channels/{other}/messages"), KEY),
        (format!("/channels/{}/messages", ChannelId::random()), KEY),
        ("/channels/unknown/messages".to_owned(), KEY),
    ] {
        let answer = http.post(&path, authorization).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path} {authorization}"
        );
        assert!(
            !answer.code().is_empty() && !answer.body.contains(KEY),
            "{}",
            answer.body
        );
    }
    let answer = http
        .send(Request::post(http.path("")).body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::FORBIDDEN, "credentials_missing")
    );
    assert_eq!(http.queue.try_recv(), None);
}

#[tokio::test]
async fn a_payload_and_a_content_type_have_a_limit() {
    let mut http = Http::new().await;
    let post = |body: usize, content_type: String| {
        let request = Request::post(http.path(""))
            .header("authorization", KEY)
            .header("content-type", content_type);
        http.send(request.body(Body::from(vec![b'x'; body])).unwrap())
    };
    assert_eq!(
        post(1000, "x".repeat(256)).await.status,
        StatusCode::ACCEPTED
    );
    let answer = post(1001, String::new()).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
    );
    let answer = post(1, "x".repeat(257)).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_REQUEST, "content_type_malformed")
    );
    assert_eq!(http.message().payload.len(), 1000);
    assert_eq!(http.queue.try_recv(), None);
}

#[tokio::test]
async fn an_invalid_trace_is_not_carried() {
    let mut http = Http::new().await;
    let request = Request::post(http.path(""))
        .header("authorization", KEY)
        .header("traceparent", "00-x");
    assert_eq!(
        http.send(request.body(Body::empty()).unwrap()).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(http.message().trace, None);
}

#[tokio::test]
async fn without_the_registry_it_is_unavailable() {
    let http = Http::new().await;
    http.stage.things.away.store(true, Ordering::SeqCst);
    let answer = http.post(&http.path(""), KEY).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "things_away")
    );
}

#[tokio::test]
async fn a_full_bus_is_told_to_come_later() {
    let mut http = Http::new().await;
    let things = Arc::clone(&http.stage.things) as Arc<dyn Things>;
    let buses = full::full(http.stage.buses.clone());
    let adapter = Adapter::new(&Settings::default(), things, &buses, Uuid::new_v4());
    http.router = http_adapter::router(adapter, &Config::default());
    let answer = http.post(&http.path(""), KEY).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "bus_full")
    );
}

#[tokio::test]
async fn a_right_that_was_taken_away_is_gone() {
    let http = Http::new().await;
    assert_eq!(
        http.post(&http.path(""), KEY).await.status,
        StatusCode::ACCEPTED
    );
    let change = http.stage.things.disconnect(http.thing, http.channel);
    http.stage.publish(change).await;
    eventually("it is refused", async || {
        http.post(&http.path(""), KEY).await.status == StatusCode::FORBIDDEN
    })
    .await;
}

#[tokio::test]
async fn other_paths_and_methods_are_those_of_0_9() {
    let http = Http::new().await;
    let get = |method: Method, path: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty());
        http.send(request.unwrap())
    };
    let version = get(Method::GET, "/version").await;
    assert_eq!(version.status, StatusCode::OK);
    let version: serde_json::Value = serde_json::from_str(&version.body).unwrap();
    assert_eq!(
        version,
        serde_json::json!({"service": "http", "version": "0.9.0"})
    );
    for (method, path) in [
        (Method::GET, http.path("")),
        (Method::PUT, http.path("/a")),
        (Method::POST, "/nothing".to_owned()),
    ] {
        let answer = get(method, &path).await;
        assert_eq!(
            (answer.status, answer.body.trim_end()),
            (StatusCode::NOT_FOUND, "404 page not found"),
            "{path}"
        );
    }
}
