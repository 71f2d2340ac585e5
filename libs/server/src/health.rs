use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::{BoxFuture, join_all};
use http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;

use crate::{Json, Runtime};

/// How long one check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The readiness checks of a process.
#[derive(Default)]
pub(crate) struct Checks(RwLock<Vec<(&'static str, Check)>>);

impl Checks {
    pub(crate) fn add<F>(&self, name: &'static str, check: F)
    where
        F: Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    {
        let mut checks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        checks.push((name, Arc::new(check)));
    }

    /// Runs every check at once.
    fn run(&self) -> impl Future<Output = Vec<(&'static str, bool)>> + Send + use<> {
        let checks = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        join_all(checks.into_iter().map(|(name, check)| async move {
            let reason = match timeout(CHECK_TIMEOUT, check()).await {
                Ok(Ok(())) => return (name, true),
                Ok(Err(reason)) => reason,
                Err(_) => "no answer in time".to_owned(),
            };
            tracing::warn!(check = name, reason, "not ready");
            (name, false)
        }))
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    checks: serde_json::Map<String, serde_json::Value>,
}

impl Runtime {
    /// Returns the routes `/health`, `/health/live` and `/health/ready`.
    ///
    /// `/health/live` passes while the process can answer at all; the others also need every
    /// [check](Self::check) and fail once the stop has begun.
    pub fn health(&self) -> Router {
        Router::new()
            .route("/health", get(ready))
            .route("/health/ready", get(ready))
            .route("/health/live", get(live))
            .with_state(self.clone())
    }
}

async fn live() -> Json<Health> {
    Json(Health {
        status: word(true),
        checks: serde_json::Map::new(),
    })
}

async fn ready(State(runtime): State<Runtime>) -> Response {
    let results = runtime.checks().run().await;
    let pass = results.iter().all(|(_, pass)| *pass) && !runtime.stop().is_cancelled();
    let health = Health {
        status: word(pass),
        checks: results
            .into_iter()
            .map(|(name, pass)| (name.to_owned(), word(pass).into()))
            .collect(),
    };
    let status = if pass {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health)).into_response()
}

fn word(pass: bool) -> &'static str {
    if pass { "pass" } else { "fail" }
}
