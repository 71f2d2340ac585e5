//! The routes of users, in process, on SQLite in memory, with a clock that stands still.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod accounts;
mod attempts;
mod grpc;
mod hostile;
mod legacy;
mod logs;
mod tokens;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use model::{Secret, Timestamp};
use serde_json::{Value, json};
use server::Peer;
use storage::{Db, Settings};
use tower::ServiceExt;
use users::{Config, Service};

const JOHN: &str = "john.doe@email.com";

thread_local! {
    static NOW: Cell<Timestamp> = const { Cell::new(Timestamp::from_micros(1_700_000_000_000_000)) };
}

/// A test and all it calls run on one thread.
fn clock() -> Timestamp {
    NOW.get()
}

fn wait(seconds: u64) {
    NOW.set(NOW.get().plus(Duration::from_secs(seconds)));
}

struct App {
    router: Router,
    users: Arc<Service>,
    db: Db,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.json()["status"], self.status.as_u16());
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

impl App {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        logs::keep();
        let mut config = Config {
            secret: Secret::from("a secret that only this test knows"),
            ..Config::default()
        };
        change(&mut config);
        let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
        let users = users::service(&config, db.clone(), clock).await.unwrap();
        let router = users::router(Arc::clone(&users), &config);
        Self { router, users, db }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Sends JSON from an address.
    async fn json_from(
        &self,
        peer: &str,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Answer {
        let peer: SocketAddr = format!("{peer}:1").parse().unwrap();
        let request = request(method, path, token)
            .header("content-type", "application/json")
            .extension(Peer(peer))
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    async fn json(&self, method: Method, path: &str, token: &str, body: &Value) -> Answer {
        self.json_from("192.0.2.1", method, path, token, body).await
    }

    async fn empty(&self, method: Method, path: &str, token: &str) -> Answer {
        self.send(request(method, path, token).body(Body::empty()).unwrap())
            .await
    }

    async fn register(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.json(Method::POST, "/users", "", &body).await
    }

    async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.json(Method::POST, "/tokens", "", &body).await
    }

    /// Registers John if need be and returns a token of his.
    async fn token(&self) -> String {
        self.register(JOHN, "123").await;
        let answer = self.login(JOHN, "123").await;
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    async fn change_password(&self, token: &str, old: &str, new: &str) -> Answer {
        let body = json!({"old_password": old, "password": new});
        self.json(Method::PATCH, "/password", token, &body).await
    }

    /// Returns the code with which the contract refuses a token, if it does.
    async fn refusal(&self, token: &str) -> Option<String> {
        let token = Secret::from(token);
        let users: &dyn proto::users::Users = self.users.as_ref();
        let error = users.authenticate(&token).await.err()?;
        Some(error.code.into_owned())
    }
}

fn request(method: Method, path: &str, token: &str) -> http::request::Builder {
    let builder = Request::builder().method(method).uri(path);
    if token.is_empty() {
        builder
    } else {
        builder.header("authorization", token)
    }
}
