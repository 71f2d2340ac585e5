//! The auth API of 0.9 (contract section 2.2), unauthenticated: it belongs on an address only services can reach.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use model::{Action, ChannelId, Credentials, Secret, ThingId};
use proto::things::Things;
use serde::{Deserialize, Serialize};
use server::{Json, JsonBody, Legacy, Problem};

use super::segment::First;
use super::{METRICS, Shared, route};
use crate::{Error, Result, Service};

/// Serves the auth API, with the habits of 0.9: whatever is missing, unknown or not connected is a refusal.
pub fn auth_router(service: Arc<Service>) -> Router {
    let router = Router::new().route("/identify", post(METRICS.count("identify", identify)));
    let by_key = post(METRICS.count("can_access", access));
    let router = route(router, "/channels/{id}/access", &by_key);
    let by_id = post(METRICS.count("can_access_by_id", access_by_id));
    let router = route(router, "/channels/{id}/access-by-id", &by_id);
    server::legacy(router.with_state(service), Legacy::THINGS)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KeyBody {
    token: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IdBody {
    thing_id: String,
}

#[derive(Serialize)]
struct Identity {
    id: String,
}

async fn identify(
    State(service): State<Shared>,
    JsonBody(body): JsonBody<KeyBody>,
) -> Result<Json<Identity>, Problem> {
    let thing = service.authenticate(&Credentials::Key(body.token)).await?;
    Ok(Json(Identity {
        id: thing.to_string(),
    }))
}

async fn access(
    State(service): State<Shared>,
    channel: First,
    JsonBody(body): JsonBody<KeyBody>,
) -> Result<Json<Identity>, Problem> {
    let channel = channel.channel().map_err(|_| Error::NotConnected)?;
    let thing = service.authenticate(&Credentials::Key(body.token)).await?;
    authorize_both(&service, thing, channel).await?;
    Ok(Json(Identity {
        id: thing.to_string(),
    }))
}

async fn access_by_id(
    State(service): State<Shared>,
    channel: First,
    JsonBody(body): JsonBody<IdBody>,
) -> Result<StatusCode, Problem> {
    let channel = channel.channel().map_err(|_| Error::NotConnected)?;
    let thing: ThingId = body.thing_id.parse().map_err(|_| Error::NotConnected)?;
    authorize_both(&service, thing, channel).await?;
    Ok(StatusCode::OK)
}

/// 0.9 asks for access without saying to what end.
async fn authorize_both(
    service: &Service,
    thing: ThingId,
    channel: ChannelId,
) -> model::Result<()> {
    service.authorize(thing, channel, Action::Publish).await?;
    service.authorize(thing, channel, Action::Subscribe).await
}
