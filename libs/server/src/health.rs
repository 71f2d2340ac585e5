use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::{BoxFuture, join_all};
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::{Json, Runtime};

/// How long one check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How old an answer may be: anyone may ask, and a check costs a database something.
const FRESH: Duration = Duration::from_millis(500);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The name of each check and whether it passed.
type Results = Vec<(&'static str, bool)>;

/// The readiness checks of a process.
#[derive(Default)]
pub(crate) struct Checks {
    list: RwLock<Vec<(&'static str, Check)>>,
    /// Held while the checks run, so that many askers cause one run.
    last: Mutex<Option<(Instant, Results)>>,
}

impl Checks {
    pub(crate) fn add<F>(&self, name: &'static str, check: F)
    where
        F: Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        list.push((name, Arc::new(check)));
    }

    /// Returns the results, which are at most [`FRESH`] old.
    async fn results(&self) -> Results {
        let mut last = self.last.lock().await;
        match &*last {
            Some((at, results)) if at.elapsed() < FRESH => results.clone(),
            _ => {
                let list = self
                    .list
                    .read()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                let checks = list.into_iter();
                let checks = checks.map(|(name, check)| run(name, check, CHECK_TIMEOUT));
                let results = join_all(checks).await;
                *last = Some((Instant::now(), results.clone()));
                results
            }
        }
    }
}

async fn run(name: &'static str, check: Check, limit: Duration) -> (&'static str, bool) {
    let reason = match timeout(limit, check()).await {
        Ok(Ok(())) => return (name, true),
        Ok(Err(reason)) => reason,
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(check = name, reason, "not ready");
    (name, false)
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
    let results = runtime.checks().results().await;
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Settings;

    async fn status(runtime: &Runtime) -> u16 {
        ready(State(runtime.clone())).await.status().as_u16()
    }

    #[tokio::test]
    async fn ready_while_every_check_passes_and_no_stop_began() {
        let runtime = Runtime::new(Settings::default());
        assert_eq!(status(&runtime).await, 200);
        runtime.stop().cancel();
        assert_eq!(status(&runtime).await, 503);

        let runtime = Runtime::new(Settings::default());
        runtime.check("good", || Box::pin(async { Ok(()) }));
        runtime.check("bad", || {
            Box::pin(async { Err("password wrong".to_owned()) })
        });
        let response = ready(State(runtime)).await;
        assert_eq!(response.status(), 503);
        let body = axum::body::to_bytes(response.into_body(), 1024)
            .await
            .unwrap();
        assert_eq!(
            body,
            "{\"status\":\"fail\",\"checks\":{\"good\":\"pass\",\"bad\":\"fail\"}}\n"
        );
    }

    #[tokio::test]
    async fn many_askers_cause_one_run() {
        let runtime = Runtime::new(Settings::default());
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        runtime.check("slow", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async {
                tokio::task::yield_now().await;
                Ok(())
            })
        });
        let both = tokio::join!(status(&runtime), status(&runtime));
        assert_eq!((both, runs.load(Ordering::Relaxed)), ((200, 200), 1));
    }

    #[tokio::test]
    async fn a_check_that_hangs_fails() {
        let hanging: Check = Arc::new(|| Box::pin(std::future::pending()));
        assert_eq!(
            run("slow", hanging, Duration::from_millis(1)).await,
            ("slow", false)
        );
    }
}
