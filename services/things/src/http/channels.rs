use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::StatusCode;
use http::header::LOCATION;
use server::{Json, JsonBody, Problem, Query, UserToken};

use super::bodies::{ChannelBody, ChannelsBody, DetailsBody};
use super::list::{ListParams, PartParams};
use super::segment::First;
use super::things::Created;
use super::{METRICS, Shared, route};

pub(super) fn routes() -> Router<Shared> {
    let all =
        post(METRICS.count("create_channel", create)).get(METRICS.count("list_channels", list));
    let one = get(METRICS.count("view_channel", view))
        .put(METRICS.count("update_channel", update))
        .delete(METRICS.count("remove_channel", delete));
    let router = Router::new().route("/channels", all).route(
        "/channels/bulk",
        post(METRICS.count("create_channels", create_many)),
    );
    let router = route(router, "/channels/{id}", &one);
    let connected = get(METRICS.count("list_channels_by_thing", list_of_thing));
    route(router, "/things/{id}/channels", &connected)
}

async fn create(
    State(service): State<Shared>,
    token: UserToken,
    JsonBody(body): JsonBody<DetailsBody>,
) -> Result<Created, Problem> {
    let token = token.require()?;
    let details = body.details(service.limits())?;
    let caller = service.authenticate_user(token).await?;
    let channel = service.create_channel(&caller, details).await?;
    Ok((
        StatusCode::CREATED,
        [(LOCATION, format!("/channels/{}", channel.id))],
    ))
}

async fn create_many(
    State(service): State<Shared>,
    token: UserToken,
    JsonBody(body): JsonBody<Option<Vec<DetailsBody>>>,
) -> Result<(StatusCode, Json<ChannelsBody>), Problem> {
    let token = token.require()?;
    let new = body
        .unwrap_or_default()
        .into_iter()
        .map(|channel| channel.details(service.limits()));
    let new = new.collect::<Result<_, _>>()?;
    let caller = service.authenticate_user(token).await?;
    let channels = service.create_channels(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(ChannelsBody::created(channels))))
}

async fn list(
    State(service): State<Shared>,
    token: UserToken,
    query: Query,
) -> Result<Json<ChannelsBody>, Problem> {
    let params = ListParams::parse(&query, service.limits())?;
    let token = token.require()?;
    let (filter, query) = params.check()?;
    let caller = service.authenticate_user(token).await?;
    let page = service.list_channels(&caller, &filter, query).await?;
    Ok(Json(ChannelsBody::page(page, query)))
}

async fn list_of_thing(
    State(service): State<Shared>,
    token: UserToken,
    thing: First,
    query: Query,
) -> Result<Json<ChannelsBody>, Problem> {
    let params = PartParams::parse(&query)?;
    let token = token.require()?;
    thing.require()?;
    let query = params.check()?;
    let caller = service.authenticate_user(token).await?;
    let page = service
        .list_channels_of(&caller, thing.thing()?, query)
        .await?;
    Ok(Json(ChannelsBody::page(page, query)))
}

async fn view(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
) -> Result<Json<ChannelBody>, Problem> {
    let token = token.require()?;
    id.require()?;
    let caller = service.authenticate_user(token).await?;
    let channel = service.get_channel(&caller, id.channel()?).await?;
    Ok(Json(channel.into()))
}

async fn update(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
    JsonBody(body): JsonBody<DetailsBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    id.require()?;
    let details = body.details(service.limits())?;
    let caller = service.authenticate_user(token).await?;
    service
        .update_channel(&caller, id.channel()?, &details)
        .await?;
    Ok(StatusCode::OK)
}

/// Answers 204 whether or not there was anything to delete, even for what is no id (contract section 2.1).
async fn delete(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    id.require()?;
    let caller = service.authenticate_user(token).await?;
    if let Ok(id) = id.channel() {
        service.delete_channel(&caller, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
