//! Things, channels and who may talk to what.
//!
//! [`service`] opens the rules over a database; [`router`] and [`auth_router`] serve them over HTTP, and
//! `proto::things::server` over gRPC. Every change leaves an event in the outbox of the same database:
//! whoever relays it waits for [`Service::wake`]. [`user_events`] deletes what a deleted user had.

mod config;
mod error;
mod http;
mod keyring;
pub mod model;
pub mod repository;
mod service;
mod single_user;
mod store;
mod users;

use std::sync::Arc;

use ::model::{BoxError, Clock};
use proto::users::Users;
use storage::Db;
use tokio::sync::Notify;

use keyring::Keyring;
use store::Store;

pub use self::config::{Config, DB_PREFIX, PREFIX};
pub use error::{Error, Result};
pub use http::{auth_router, router};
pub use service::{NewCertificate, Service};
pub use single_user::SingleUser;
pub use users::user_events;

/// A shorter secret could be guessed from a copy of the database.
const SECRET_BYTES: usize = 32;

/// Brings the database up to date and opens the rules over it.
///
/// `users` tells who a token belongs to, unless the configuration names a single user.
///
/// # Errors
/// When the database cannot be used, or was written with another secret.
pub async fn service(
    config: &Config,
    db: Db,
    users: Arc<dyn Users>,
    clock: Clock,
) -> Result<Arc<Service>, BoxError> {
    if config.secret.expose().len() < SECRET_BYTES {
        tracing::warn!(
            "{PREFIX}SECRET has fewer than {SECRET_BYTES} bytes: whoever reads the database could guess it and read every key"
        );
    }
    let users = match config.single_user() {
        Some(user) => Arc::new(user),
        None => users,
    };
    let wake = Arc::new(Notify::new());
    let keyring = Keyring::new(&config.secret);
    let store = Store::open(db, keyring, wake.clone()).await?;
    let service = Service::new(Arc::new(store), users, clock, config.limits(), wake);
    Ok(Arc::new(service))
}
