//! The recorder is one per process, so this has a binary to itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::Request;
use server::{metrics, metrics_router};
use tower::ServiceExt;

async fn ask(router: &Router, method: &str, path: &str) -> String {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn calls_are_counted_and_timed_under_the_names_of_0_9() {
    metrics::install().unwrap();
    assert!(metrics::install().is_err());
    let api = metrics::Api::new("things");
    let router = Router::new()
        .route("/things", get(api.count("list_things", || async { "x" })))
        .merge(metrics_router());
    ask(&router, "GET", "/things").await;
    ask(&router, "GET", "/things").await;
    api.method("can_access").record(Instant::now());

    for method in ["GET", "POST"] {
        let text = ask(&router, method, "/metrics").await;
        for line in [
            "things_api_request_count{method=\"list_things\"} 2",
            "things_api_request_count{method=\"can_access\"} 1",
            "things_api_request_latency_microseconds_count{method=\"list_things\"} 2",
            "things_api_request_latency_microseconds{method=\"list_things\",quantile=\"0.99\"} ",
            "process_resident_memory_bytes ",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
