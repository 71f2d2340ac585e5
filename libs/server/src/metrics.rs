//! Metrics: the recorder of the process, `/metrics`, and the counters of 0.9.

mod api;
mod process;

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use model::BoxError;
use tokio::time::interval;

pub use api::{Api, Counted, Method};

/// How often recorded samples are folded into the summaries, which bounds what waits in memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The quantiles of summaries, those of 0.9.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder of the process; without it metrics cost nothing and `/metrics` is empty.
///
/// Routers look their counters up when they are made, so this comes before them. Fails the second time.
pub fn install() -> Result<(), BoxError> {
    let recorder = PrometheusBuilder::new()
        .set_quantiles(&QUANTILES)?
        .build_recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder)?;
    process::start();
    let _ = HANDLE.set(handle);
    Ok(())
}

/// Returns the route `/metrics`, which answers any method, as in 0.9.
pub fn metrics_router() -> Router {
    let answer = || async {
        let type_ = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
        ([type_], render())
    };
    Router::new().route("/metrics", any(answer))
}

fn render() -> String {
    let mut text = HANDLE
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default();
    process::render(&mut text);
    text
}

/// Keeps the recorder's memory bounded for ever.
pub(crate) async fn upkeep() {
    let mut ticks = interval(UPKEEP);
    loop {
        ticks.tick().await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}
