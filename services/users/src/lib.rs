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

use ::config::Problems;
use ::model::{BoxError, Clock};
use storage::{Db, PostgresSettings, Settings};
use tokio::sync::Notify;

use attempts::Attempts;
use passwords::Passwords;
use tokens::Tokens;

pub use self::config::{Config, PREFIX};
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

/// Returns the database the configuration names, or nothing when it names none.
pub fn database(config: &Config, problems: &mut Problems) -> Option<Settings> {
    if !config.db_url.is_empty() {
        return Settings::from_url(config.db_url.expose())
            .map_err(|error| problems.push(format!("{PREFIX}DB_URL"), format!("is wrong: {error}")))
            .ok();
    }
    let host = config.db_host.clone()?;
    let ssl_mode = config
        .db_ssl_mode
        .parse()
        .map_err(|error| {
            problems.push(format!("{PREFIX}DB_SSL_MODE"), format!("is wrong: {error}"))
        })
        .ok()?;
    Some(Settings::postgres(PostgresSettings {
        host,
        port: config.db_port,
        user: config.db_user.clone(),
        password: config.db_pass.clone(),
        database: config.db.clone(),
        ssl_mode,
        ..PostgresSettings::default()
    }))
}

#[cfg(test)]
mod tests {
    use ::model::Secret;

    use super::*;

    fn choose(change: impl FnOnce(&mut Config)) -> (Option<Settings>, String) {
        let (mut config, mut problems) = (Config::default(), Problems::new());
        change(&mut config);
        (database(&config, &mut problems), problems.to_string())
    }

    #[test]
    fn a_url_or_a_host_chooses_the_database() {
        assert!(matches!(choose(|_| {}), (None, text) if text.is_empty()));
        let (settings, _) = choose(|config| config.db_host = Some("db".to_owned()));
        let Some(Settings::Postgres(settings)) = settings else {
            panic!("{settings:?}");
        };
        assert_eq!(
            (settings.host.as_str(), settings.database.as_str()),
            ("db", "users")
        );
        let (settings, _) = choose(|config| {
            config.db_host = Some("db".to_owned());
            config.db_url = Secret::from("sqlite::memory:");
        });
        assert!(matches!(settings, Some(Settings::Sqlite(None))));
    }

    #[test]
    fn what_is_wrong_is_named_and_holds_no_password() {
        let (_, text) = choose(|config| config.db_url = Secret::from("mysql://u:hunter2@h/d"));
        assert!(text.starts_with("MF_USERS_DB_URL is wrong"), "{text}");
        assert!(!text.contains("hunter2"));
        let (_, text) = choose(|config| {
            config.db_host = Some("db".to_owned());
            config.db_ssl_mode = "maybe".to_owned();
        });
        assert!(text.starts_with("MF_USERS_DB_SSL_MODE is wrong"), "{text}");
    }
}
