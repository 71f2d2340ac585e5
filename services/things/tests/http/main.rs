//! Both HTTP APIs and gRPC in process, over SQLite in memory.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod auth;
mod bulk;
mod certificates;
mod channels;
mod connections;
mod contract;
mod grpc;
mod hostile;
mod lists;
mod logs;
mod strays;
mod things;
mod warts;

use std::sync::Arc;

use ::things::{Config, Service, auth_router, router, service};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use model::{Caller, Error, ErrorKind, Secret, Timestamp, UserId};
use proto::users::Users;
use serde_json::Value;
use storage::Settings;
use tower::ServiceExt;

const JSON: &str = "application/json";
const ALICE: &str = "alice";
const BOB: &str = "bob";
const NOBODY: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

/// Knows two users; one token makes it fail as if it were away, one as if it were slow.
struct Directory {
    alice: UserId,
    bob: UserId,
}

#[async_trait]
impl Users for Directory {
    async fn authenticate(&self, token: &Secret) -> model::Result<Caller> {
        let user = match token.expose() {
            ALICE => self.alice,
            BOB => self.bob,
            "away" => return Err(Error::new(ErrorKind::Unavailable, "away", "away")),
            "slow" => return Err(Error::new(ErrorKind::Timeout, "slow", "slow")),
            _ => return Err(Error::new(ErrorKind::Unauthenticated, "unknown", "unknown")),
        };
        let email = format!("{}@example.com", token.expose());
        Ok(Caller { user, email })
    }
}

/// A service of its own with its two APIs.
struct Site {
    service: Arc<Service>,
    api: Router,
    auth: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    /// Returns the last segment of the location.
    fn created(&self) -> String {
        assert_eq!(self.status, 201, "{}", self.body);
        let location = self.header("location");
        location.rsplit('/').next().unwrap().to_owned()
    }
}

impl Site {
    async fn new() -> Self {
        logs::keep();
        let config = Config {
            secret: Secret::from("a secret of the test"),
            bulk_max: 5,
            metadata_max_bytes: 1000,
            ..Config::default()
        };
        let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
        let (alice, bob) = (UserId::random(), UserId::random());
        let users = Arc::new(Directory { alice, bob });
        let service = service(&config, db, users, Timestamp::now).await.unwrap();
        Self {
            api: router(service.clone()),
            auth: auth_router(service.clone()),
            service,
        }
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.send("GET", token, path, "", "").await
    }

    async fn delete(&self, token: &str, path: &str) -> Answer {
        self.send("DELETE", token, path, "", "").await
    }

    /// Sends JSON.
    async fn json(&self, method: &str, token: &str, path: &str, body: &str) -> Answer {
        self.send(method, token, path, JSON, body).await
    }

    /// Sends a request; headers that are empty are left out.
    async fn send(&self, method: &str, token: &str, path: &str, ty: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        if !ty.is_empty() {
            request = request.header("content-type", ty);
        }
        answer(
            &self.api,
            request.body(Body::from(body.to_owned())).unwrap(),
        )
        .await
    }

    async fn thing(&self, token: &str, body: &str) -> String {
        self.json("POST", token, "/things", body).await.created()
    }

    async fn channel(&self, token: &str, body: &str) -> String {
        self.json("POST", token, "/channels", body).await.created()
    }
}

async fn answer(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
