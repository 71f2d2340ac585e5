use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::VERSION;
use crate::json::encode;

#[derive(Serialize)]
struct Version<'a> {
    service: &'a str,
    version: &'a str,
}

/// Returns the route `GET /version`, with the name the service has in 0.9: `users`, `http`, `websocket`.
///
/// The type is text, as in 0.9, which let the library guess it (contract section 0.3).
pub fn version_router(service: &str) -> Router {
    let body = encode(&Version {
        service,
        version: VERSION,
    });
    let answer = move || async move { ([(CONTENT_TYPE, "text/plain; charset=utf-8")], body) };
    Router::new().route("/version", get(answer))
}
