//! The HTTP APIs: that of users on their things, and the unauthenticated one for the other services of 0.9.

mod auth;
mod bodies;
mod certificates;
mod channels;
mod connections;
mod list;
mod segment;
mod things;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::MethodRouter;
use server::Legacy;
use server::metrics::Api;

pub use auth::auth_router;

use crate::Service;

/// The service behind every handler.
type Shared = Arc<Service>;

/// The metrics of both APIs, under the names of 0.9.
const METRICS: Api = Api::new("things");

/// Serves the API of users on their things, with the habits of 0.9.
pub fn router(service: Arc<Service>) -> Router {
    let limit = DefaultBodyLimit::max(service.limits().body_bytes);
    let router = Router::new()
        .merge(things::routes())
        .merge(channels::routes())
        .merge(connections::routes())
        .merge(certificates::routes())
        .layer(limit)
        .with_state(service);
    server::legacy(router, Legacy::THINGS)
}

/// Routes a path whose parameters may also be empty: 0.9 matches those too, and they are refused as such.
fn route(router: Router<Shared>, path: &str, handlers: &MethodRouter<Shared>) -> Router<Shared> {
    let mut paths = vec![String::new()];
    for segment in path.split('/').skip(1) {
        let variants: &[&str] = if segment.starts_with('{') {
            &[segment, ""]
        } else {
            &[segment]
        };
        paths = paths
            .iter()
            .flat_map(|path| {
                variants
                    .iter()
                    .map(move |segment| format!("{path}/{segment}"))
            })
            .collect();
    }
    paths
        .iter()
        .fold(router, |router, path| router.route(path, handlers.clone()))
}
