//! The port where CAs check over HTTP that a name is ours (http-01).

use anyhow::Context;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use server::{Limits, Listener, Runtime};
use tls::{Challenges, Reloader};

use crate::run_json::RunJson;

/// Its name in logs and in run.json.
const NAME: &str = "acme-http";

/// Few connect here, and never for long.
const CONNECTIONS: usize = 100;

/// Opens the port, if a listener of this process gets its certificates that way.
///
/// # Errors
/// When the address cannot be had.
pub(crate) async fn listen(
    reloader: &Reloader,
    runtime: &Runtime,
    listeners: &mut RunJson,
) -> anyhow::Result<()> {
    for address in reloader.challenge_addresses() {
        let limits = Limits {
            connections: CONNECTIONS,
            ..Limits::default()
        };
        let listener = Listener::bind(address, limits).await.context(NAME)?;
        listeners.add(NAME, listener.local_addr());
        runtime.http(NAME, listener, router(reloader.challenges()));
    }
    Ok(())
}

fn router(challenges: Challenges) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", get(answer))
        .with_state(challenges)
}

async fn answer(
    State(challenges): State<Challenges>,
    Path(token): Path<String>,
) -> Result<String, StatusCode> {
    challenges.answer(&token).ok_or(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use tls::Challenges;
    use tower::ServiceExt;

    #[tokio::test]
    async fn what_no_ca_was_told_of_is_not_found() {
        for path in [
            "/.well-known/acme-challenge/unknown",
            "/.well-known/acme-challenge/",
            "/.well-known/acme-challenge/../../etc/passwd",
            "/.well-known/acme-challenge/%2e%2e%2fetc%2fpasswd",
            "/health",
            "/",
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let router = super::router(Challenges::default());
            let answer = router.oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
