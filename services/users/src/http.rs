//! Users over HTTP: the routes of 0.9 with its statuses, and those that are new.

mod address;

use std::sync::Arc;

use ::http::StatusCode;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::routing::{patch, post, put};
use model::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use server::{Json, JsonBody, Legacy, Problem, UserToken, api, legacy};

use crate::identity::API;
use crate::model::{Metadata, NewUser, Password};
use crate::network::Network;
use crate::{Config, Service};
use address::ClientAddress;

/// What a body holds besides metadata, generously.
const BODY_BYTES: usize = 16 * 1024;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    users: Arc<Service>,
    proxies: Arc<[Network]>,
}

impl FromRef<Shared> for Arc<Service> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.users)
    }
}

/// Makes the routes of users.
pub fn router(users: Arc<Service>, config: &Config) -> Router {
    // Escapes can make metadata longer in a body than it is.
    let body_bytes = config
        .metadata_max_bytes
        .saturating_mul(2)
        .saturating_add(BODY_BYTES);
    let shared = Shared {
        users,
        proxies: config.trusted_proxies.clone().into(),
    };
    let old = Router::new()
        .route(
            "/users",
            post(API.count("register", create)).get(API.count("user_info", get)),
        )
        .route("/tokens", post(API.count("login", issue_token)));
    let new = Router::new()
        .route(
            "/users",
            put(API.count("update_user", update)).delete(API.count("remove_user", delete)),
        )
        .route(
            "/password",
            patch(API.count("change_password", change_password)),
        );
    let finish = |router: Router<Shared>| {
        router
            .layer(DefaultBodyLimit::max(body_bytes))
            .with_state(shared.clone())
    };
    // The fallback of the one that is merged in is the one that stays.
    api(finish(new)).merge(legacy(finish(old), Legacy::USERS))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UserBody {
    email: String,
    password: Secret,
    metadata: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataBody {
    metadata: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PasswordBody {
    old_password: Secret,
    password: Secret,
}

#[derive(Serialize)]
struct Profile {
    email: String,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
}

#[derive(Serialize)]
struct TokenBody {
    token: String,
}

async fn create(
    State(users): State<Arc<Service>>,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<StatusCode, Problem> {
    let new = NewUser {
        email: body.email.parse()?,
        password: Password::chosen(body.password, users.limits())?,
        metadata: Metadata::new(body.metadata, users.limits())?,
    };
    users.create(new).await?;
    Ok(StatusCode::CREATED)
}

async fn issue_token(
    State(users): State<Arc<Service>>,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<(StatusCode, Json<TokenBody>), Problem> {
    let (email, password) = (body.email.parse()?, Password::presented(body.password)?);
    let token = users.issue_token(&email, password, from).await?;
    let token = token.expose().to_owned();
    Ok((StatusCode::CREATED, Json(TokenBody { token })))
}

async fn get(
    State(users): State<Arc<Service>>,
    token: UserToken,
) -> Result<Json<Profile>, Problem> {
    let caller = users.authenticate(token.require()?).await?;
    let user = users.get(&caller).await?;
    Ok(Json(Profile {
        email: caller.email,
        metadata: user.metadata,
    }))
}

async fn update(
    State(users): State<Arc<Service>>,
    token: UserToken,
    JsonBody(body): JsonBody<MetadataBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    let metadata = Metadata::new(body.metadata, users.limits())?;
    let caller = users.authenticate(token).await?;
    users.update_metadata(&caller, &metadata).await?;
    Ok(StatusCode::OK)
}

async fn change_password(
    State(users): State<Arc<Service>>,
    token: UserToken,
    ClientAddress(from): ClientAddress,
    JsonBody(body): JsonBody<PasswordBody>,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    let old = Password::presented(body.old_password)?;
    let new = Password::chosen(body.password, users.limits())?;
    let caller = users.authenticate(token).await?;
    users.change_password(&caller, old, new, from).await?;
    Ok(StatusCode::OK)
}

async fn delete(
    State(users): State<Arc<Service>>,
    token: UserToken,
) -> Result<StatusCode, Problem> {
    let caller = users.authenticate(token.require()?).await?;
    users.delete(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
