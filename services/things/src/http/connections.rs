use axum::Router;
use axum::extract::State;
use axum::routing::{post, put};
use http::StatusCode;
use serde::Deserialize;
use server::{JsonBody, Problem, UserToken};

use super::segment::{First, Second};
use super::{METRICS, Shared, route};
use crate::model::Connections;
use crate::{Error, Result};

pub(super) fn routes() -> Router<Shared> {
    let one =
        put(METRICS.count("connect", connect)).delete(METRICS.count("disconnect", disconnect));
    let router = Router::new()
        .route("/connect", post(METRICS.count("connect", connect_many)))
        .route(
            "/disconnect",
            put(METRICS.count("disconnect", disconnect_many)),
        );
    route(router, "/channels/{channel}/things/{thing}", &one)
}

async fn connect(
    State(service): State<Shared>,
    token: UserToken,
    channel: First,
    thing: Second,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    channel.require()?;
    thing.require()?;
    let caller = service.authenticate_user(token).await?;
    let one = Connections::one(channel.channel()?, thing.thing()?);
    service.connect(&caller, &one).await?;
    Ok(StatusCode::OK)
}

async fn disconnect(
    State(service): State<Shared>,
    token: UserToken,
    channel: First,
    thing: Second,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    channel.require()?;
    thing.require()?;
    let caller = service.authenticate_user(token).await?;
    let one = Connections::one(channel.channel()?, thing.thing()?);
    service.disconnect(&caller, &one).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConnectionsBody {
    channel_ids: Vec<String>,
    thing_ids: Vec<String>,
}

impl ConnectionsBody {
    fn check(&self) -> Result<()> {
        let empty = |ids: &[String]| ids.iter().any(String::is_empty);
        if empty(&self.channel_ids) || empty(&self.thing_ids) {
            return Err(Error::IdMissing);
        }
        Ok(())
    }

    /// As in a path, what is no id is the id of nothing.
    fn connections(&self) -> Result<Connections> {
        let channels = self.channel_ids.iter().map(|id| id.parse());
        let things = self.thing_ids.iter().map(|id| id.parse());
        Ok(Connections {
            channels: channels
                .collect::<Result<_, _>>()
                .map_err(|_| Error::ChannelNotFound)?,
            things: things
                .collect::<Result<_, _>>()
                .map_err(|_| Error::ThingNotFound)?,
        })
    }
}

async fn connect_many(
    State(service): State<Shared>,
    token: UserToken,
    JsonBody(body): JsonBody<ConnectionsBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    body.check()?;
    let caller = service.authenticate_user(token).await?;
    service.connect(&caller, &body.connections()?).await?;
    Ok(StatusCode::OK)
}

async fn disconnect_many(
    State(service): State<Shared>,
    token: UserToken,
    JsonBody(body): JsonBody<ConnectionsBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    body.check()?;
    let caller = service.authenticate_user(token).await?;
    service.disconnect(&caller, &body.connections()?).await?;
    Ok(StatusCode::OK)
}
