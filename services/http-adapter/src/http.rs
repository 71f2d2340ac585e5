use std::future::pending;
use std::sync::Arc;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, StatusCode};
use adapter::{Adapter, DeviceAuth, MessagePath, NewSession, Presented};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request, State};
use axum::routing::post;
use messaging::{Message, Protocol};
use model::{Action, ChannelId, Subtopic};
use server::metrics::Api;
use server::{
    Connection, Legacy, Payload, Problem, Secured, ThingCredentials, legacy, version_router,
};

use crate::{Config, trace};

/// The longest content type that is carried with a message; a longer one is no media type.
const MAX_CONTENT_TYPE: usize = 256;

/// Makes the routes of the HTTP adapter (contract section 3).
pub fn router(adapter: Adapter, config: &Config) -> Router {
    let publish = post(Api::new("http_adapter").count("publish", publish));
    let messages = Router::new()
        .route("/channels/{channel}/messages", publish.clone())
        .route("/channels/{channel}/messages/", publish.clone())
        .route("/channels/{channel}/messages/{*subtopic}", publish.clone())
        .route("/channels//messages", publish.clone())
        .route("/channels//messages/{*subtopic}", publish)
        .layer(DefaultBodyLimit::max(config.max_body_bytes))
        .with_state(Arc::new(Service {
            device_auth: config.device_auth.unwrap_or_default(),
            adapter,
        }));
    legacy(messages.merge(version_router("http")), Legacy::ADAPTER)
}

struct Service {
    adapter: Adapter,
    device_auth: DeviceAuth,
}

/// The path is judged before the credentials, as in 0.9, and a stranger's payload is not read at all.
async fn publish(
    State(service): State<Arc<Service>>,
    secured: Secured,
    connection: Connection,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (mut parts, body) = request.into_parts();
    let (channel, subtopic) = address(parts.uri.path())?;
    let content_type = content_type(&parts.headers)?;
    let trace = trace::traceparent(&parts.headers);
    let Ok(credentials) = ThingCredentials::from_request_parts(&mut parts, &()).await;
    let (credentials, certificate) = (credentials.optional()?, secured.certificate());
    let presented = Presented::new(service.device_auth, credentials, certificate);
    let adapter = &service.adapter;
    let thing = adapter.authenticate(&presented).await?;
    connection.end_when(|| cut(adapter.clone(), presented));
    adapter.authorize(thing, channel, Action::Publish).await?;
    let Payload(payload) = Payload::from_request(Request::from_parts(parts, body), &()).await?;
    let message = Message {
        content_type,
        trace,
        ..Message::new(channel, subtopic, thing, Protocol::Http, payload)
    };
    adapter.publish(message).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Resolves when what a connection rests on is no longer good: the certificate is revoked or has expired, the thing is gone.
async fn cut(adapter: Adapter, presented: Presented) {
    let new = NewSession {
        presented,
        channel: None,
        protocol: Protocol::Http,
    };
    match adapter.session(new).await {
        Ok(session) => drop(session.cut().await),
        // Each request is looked at by itself as well.
        Err(_) => pending().await,
    }
}

/// Takes the path as it came: what the router decodes cannot be told from what was never escaped.
fn address(path: &str) -> Result<(ChannelId, Subtopic), Problem> {
    let path = MessagePath::split(path).ok_or_else(|| {
        Problem::invalid("path_malformed", "messages go to /channels/<id>/messages")
    })?;
    let subtopic = path.subtopic()?;
    Ok((path.channel()?, subtopic))
}

fn content_type(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(String::new());
    };
    let text = std::str::from_utf8(value.as_bytes()).ok();
    let text = text.filter(|text| text.len() <= MAX_CONTENT_TYPE);
    text.map(str::to_owned).ok_or_else(|| {
        Problem::invalid(
            "content_type_malformed",
            "a content type is UTF-8 of at most 256 bytes",
        )
    })
}
