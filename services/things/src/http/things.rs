use axum::Router;
use axum::extract::State;
use axum::routing::{get, patch, post, put};
use http::StatusCode;
use http::header::LOCATION;
use model::Secret;
use serde::Deserialize;
use server::{Json, JsonBody, Problem, Query, UserToken};

use super::bodies::{DetailsBody, NewThingBody, ThingBody, ThingsBody};
use super::list::{ListParams, PartParams};
use super::segment::First;
use super::{METRICS, Shared, route};
use crate::Error;
use crate::model::Key;

/// A response with nothing but a status and a location.
pub(super) type Created = (StatusCode, [(http::HeaderName, String); 1]);

pub(super) fn routes() -> Router<Shared> {
    let all = post(METRICS.count("add_thing", create)).get(METRICS.count("list_things", list));
    let one = get(METRICS.count("view_thing", view))
        .put(METRICS.count("update_thing", update))
        .delete(METRICS.count("remove_thing", delete));
    let router = Router::new().route("/things", all).route(
        "/things/bulk",
        post(METRICS.count("add_things", create_many)),
    );
    let router = route(router, "/things/{id}", &one);
    let key = patch(METRICS.count("update_key", update_key));
    let router = route(router, "/things/{id}/key", &key);
    let default = put(METRICS.count("set_default_channel", set_default_channel))
        .delete(METRICS.count("clear_default_channel", clear_default_channel));
    let router = route(router, "/things/{id}/default_channel", &default);
    let connected = get(METRICS.count("list_things_by_channel", list_of_channel));
    route(router, "/channels/{id}/things", &connected)
}

async fn create(
    State(service): State<Shared>,
    token: UserToken,
    JsonBody(body): JsonBody<NewThingBody>,
) -> Result<Created, Problem> {
    let token = token.require()?;
    let new = body.new_thing(service.limits())?;
    let caller = service.authenticate_user(token).await?;
    let thing = service.create_thing(&caller, new).await?;
    Ok((
        StatusCode::CREATED,
        [(LOCATION, format!("/things/{}", thing.id))],
    ))
}

async fn create_many(
    State(service): State<Shared>,
    token: UserToken,
    JsonBody(body): JsonBody<Option<Vec<NewThingBody>>>,
) -> Result<(StatusCode, Json<ThingsBody>), Problem> {
    let token = token.require()?;
    let new = body
        .unwrap_or_default()
        .into_iter()
        .map(|thing| thing.new_thing(service.limits()));
    let new = new.collect::<Result<_, _>>()?;
    let caller = service.authenticate_user(token).await?;
    let things = service.create_things(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(ThingsBody::created(things))))
}

async fn list(
    State(service): State<Shared>,
    token: UserToken,
    query: Query,
) -> Result<Json<ThingsBody>, Problem> {
    let params = ListParams::parse(&query, service.limits())?;
    let token = token.require()?;
    let (filter, query) = params.check()?;
    let caller = service.authenticate_user(token).await?;
    let page = service.list_things(&caller, &filter, query).await?;
    Ok(Json(ThingsBody::page(page, query)))
}

async fn list_of_channel(
    State(service): State<Shared>,
    token: UserToken,
    channel: First,
    query: Query,
) -> Result<Json<ThingsBody>, Problem> {
    let params = PartParams::parse(&query)?;
    let token = token.require()?;
    channel.require()?;
    let query = params.check()?;
    let caller = service.authenticate_user(token).await?;
    let page = service
        .list_things_of(&caller, channel.channel()?, query)
        .await?;
    Ok(Json(ThingsBody::page(page, query)))
}

async fn view(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
) -> Result<Json<ThingBody>, Problem> {
    let token = token.require()?;
    id.require()?;
    let caller = service.authenticate_user(token).await?;
    let thing = service.get_thing(&caller, id.thing()?).await?;
    Ok(Json(thing.into()))
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
    service.update_thing(&caller, id.thing()?, &details).await?;
    Ok(StatusCode::OK)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KeyBody {
    key: Secret,
}

async fn update_key(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
    JsonBody(body): JsonBody<KeyBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    id.require()?;
    let key = Key::parse(body.key.expose())?;
    let caller = service.authenticate_user(token).await?;
    service.update_key(&caller, id.thing()?, &key).await?;
    Ok(StatusCode::OK)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DefaultChannelBody {
    channel_id: String,
}

async fn set_default_channel(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
    JsonBody(body): JsonBody<DefaultChannelBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    id.require()?;
    let channel = body
        .channel_id
        .parse()
        .map_err(|_| Error::ChannelNotFound)?;
    let caller = service.authenticate_user(token).await?;
    service
        .set_default_channel(&caller, id.thing()?, Some(channel))
        .await?;
    Ok(StatusCode::OK)
}

async fn clear_default_channel(
    State(service): State<Shared>,
    token: UserToken,
    id: First,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    id.require()?;
    let caller = service.authenticate_user(token).await?;
    service
        .set_default_channel(&caller, id.thing()?, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
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
    if let Ok(id) = id.thing() {
        service.delete_thing(&caller, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
