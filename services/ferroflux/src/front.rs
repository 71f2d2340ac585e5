//! The front of the embedded shape: one address with the paths that NGINX has in 0.9 (contract section 13.4).

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;
use http::uri::PathAndQuery;
use tower::ServiceExt;

/// The routers behind the front.
#[derive(Clone, Default)]
pub(crate) struct Behind {
    /// Accounts and tokens.
    pub(crate) users: Router,
    /// Things and channels; also all that nobody else has, so that strays get the answer of 0.9.
    pub(crate) things: Router,
    /// Messages by HTTP, below `/http`.
    pub(crate) http: Router,
    /// Messages by WebSocket, below `/ws`.
    pub(crate) ws: Router,
    /// MQTT over WebSocket, at `/mqtt` and below.
    pub(crate) mqtt: Router,
    /// Stored messages, at `/channels/<id>/messages`.
    pub(crate) reader: Router,
    /// `/health` and what is below.
    pub(crate) health: Router,
}

/// Serves all of them by the first part of the path.
pub(crate) fn router(behind: Behind) -> Router {
    Router::new().fallback(dispatch).with_state(behind)
}

async fn dispatch(State(behind): State<Behind>, request: Request) -> Response {
    let (target, request) = match first_segment(request.uri().path()) {
        "users" | "tokens" | "password" => (behind.users, request),
        "channels" if is_messages(request.uri().path()) => (behind.reader, request),
        "health" => (behind.health, request),
        "http" => (behind.http, strip(request, "/http")),
        "ws" => (behind.ws, strip(request, "/ws")),
        "mqtt" => (behind.mqtt, strip(request, "/mqtt")),
        _ => (behind.things, request),
    };
    match target.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Tells whether the path is that of a channel's messages.
fn is_messages(path: &str) -> bool {
    let rest = path.strip_prefix("/channels/");
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| rest == "messages")
}

fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default()
}

/// Takes the prefix off the path; everything else of the request stays.
fn strip(mut request: Request, prefix: &str) -> Request {
    let uri = request.uri();
    let full = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let rest = full.strip_prefix(prefix).unwrap_or(full);
    let rest = if rest.starts_with('/') {
        rest.to_owned()
    } else {
        format!("/{rest}")
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = rest.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::any;
    use http::StatusCode;

    use super::*;

    fn named(name: &'static str) -> Router {
        Router::new().fallback(any(move |request: Request| async move {
            format!("{name} {}", request.uri())
        }))
    }

    #[tokio::test]
    async fn each_path_has_its_role() {
        let front = router(Behind {
            users: named("users"),
            things: named("things"),
            http: named("http"),
            ws: named("ws"),
            mqtt: named("mqtt"),
            reader: named("reader"),
            health: named("health"),
        });
        for (path, expected) in [
            ("/users", "users /users"),
            ("/tokens", "users /tokens"),
            ("/password", "users /password"),
            ("/things/1?a=b", "things /things/1?a=b"),
            ("/channels", "things /channels"),
            ("/channels/1", "things /channels/1"),
            ("/channels/1/things", "things /channels/1/things"),
            (
                "/channels/1/messages?v=1",
                "reader /channels/1/messages?v=1",
            ),
            ("/channels//messages", "reader /channels//messages"),
            ("/channels/1/messages/x", "things /channels/1/messages/x"),
            ("/version", "things /version"),
            ("/metrics", "things /metrics"),
            ("/", "things /"),
            (
                "/http/channels/1/messages/a%2Fb",
                "http /channels/1/messages/a%2Fb",
            ),
            (
                "/ws/channels/1/messages?authorization=k",
                "ws /channels/1/messages?authorization=k",
            ),
            ("/mqtt", "mqtt /"),
            ("/mqtt?x=1", "mqtt /?x=1"),
            ("/health/ready", "health /health/ready"),
        ] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let response = front.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let body = axum::body::to_bytes(response.into_body(), 1024)
                .await
                .unwrap();
            assert_eq!(std::str::from_utf8(&body).unwrap(), expected);
        }
    }
}
