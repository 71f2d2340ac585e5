//! Users: accounts, passwords and tokens.
//!
//! [`service`] opens the rules over a database; [`router`] serves them over HTTP, and `proto::users::server` over
//! gRPC. Every change that concerns others leaves an event in the outbox of the same database: whoever relays it
//! waits for [`Service::wake`].

mod attempts;
mod config;
mod error;
pub mod events;
mod http;
mod identity;
mod jwt;
pub mod model;
mod network;
mod passwords;
pub mod repository;
mod service;
mod store;
mod tokens;

use std::sync::Arc;

use ::model::{BoxError, Clock};
use storage::Db;
use tokio::sync::Notify;

use attempts::Attempts;
use passwords::Passwords;
use tokens::Tokens;

pub use self::config::{Config, DB_PREFIX, PREFIX};
pub use attempts::AttemptLimits;
pub use error::{Error, Result};
pub use http::router;
pub use network::Network;
pub use service::Service;
pub use store::Store;

/// A shorter secret could be guessed from one token.
const SECRET_BYTES: usize = 32;

/// Brings the database up to date and opens the rules over it.
///
/// # Errors
/// When the database cannot be used.
pub async fn service(config: &Config, db: Db, clock: Clock) -> Result<Arc<Service>, BoxError> {
    if config.secret.expose().len() < SECRET_BYTES {
        tracing::warn!(
            "{PREFIX}SECRET has fewer than {SECRET_BYTES} bytes: tokens can be forged by guessing it"
        );
    }
    let wake = Arc::new(Notify::new());
    let store = Store::open(db, Arc::clone(&wake)).await?;
    Ok(Arc::new(Service {
        users: Arc::new(store),
        passwords: Passwords::new(),
        tokens: Tokens::new(&config.secret, config.token_duration.get()),
        attempts: Attempts::new(config.attempts()),
        limits: config.limits(),
        clock,
        wake,
    }))
}
