use std::net::{IpAddr, Ipv4Addr};

use config::{LogLevel, Period, Problems};
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attempts::AttemptLimits;
use crate::model::Limits;
use crate::network::Network;

/// The prefix of this service's variables.
pub const PREFIX: &str = "MF_USERS_";

/// The prefix of the variables that say where its database is, see `storage::Config`.
pub const DB_PREFIX: &str = "MF_USERS_DB_";

/// The deepest metadata there can be: the parser of bodies goes no deeper than 128 levels, all brackets counted.
const DEEPEST: usize = 100;

/// The variables of users.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How much is logged: `debug`, `info`, `warn` or `error`.
    pub log_level: LogLevel,
    /// Address the API listens on.
    pub http_host: IpAddr,
    /// Port of the API; 0 takes a free one.
    pub http_port: u16,
    /// Address gRPC listens on; unset means loopback when all roles are in one process, all interfaces otherwise.
    pub grpc_host: Option<IpAddr>,
    /// Port of gRPC; 0 takes a free one.
    pub grpc_port: u16,
    /// Name of the database on the PostgreSQL server that the variables below choose.
    pub db: String,
    /// Signs the tokens; the same on every replica. Changing it makes every token void.
    pub secret: Secret,
    /// How long a token is good.
    pub token_duration: Period,
    /// Fewest bytes of a new password.
    pub password_min: usize,
    /// Failed logins to one account after which more are refused until the window has moved on, counted for each address that logged in to it within a week and for all others together; 0 is no limit.
    pub login_attempts: u32,
    /// Failed logins from one address after which more are refused until the window has moved on; 0 is no limit.
    pub login_attempts_per_address: u32,
    /// The window in which failed logins are counted.
    pub login_window: Period,
    /// Proxies whose `X-Forwarded-For` is believed when failed logins are counted, as addresses or networks.
    pub trusted_proxies: Vec<Network>,
    /// Most bytes of a user's metadata.
    pub metadata_max_bytes: usize,
    /// Most levels of a user's metadata, at most 100.
    pub metadata_max_depth: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log_level: LogLevel::default(),
            http_host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            http_port: 8180,
            grpc_host: None,
            grpc_port: 8181,
            db: "users".to_owned(),
            secret: Secret::default(),
            token_duration: Period::seconds(10 * 60 * 60),
            password_min: 1,
            login_attempts: 10,
            login_attempts_per_address: 100,
            login_window: Period::seconds(5 * 60),
            trusted_proxies: Vec::new(),
            metadata_max_bytes: 64 * 1024,
            metadata_max_depth: 32,
        }
    }
}

impl Config {
    /// Returns how much one request may hold.
    pub fn limits(&self) -> Limits {
        Limits {
            password_min: self.password_min,
            metadata_bytes: self.metadata_max_bytes,
            metadata_depth: self.metadata_max_depth,
        }
    }

    /// Returns how many logins may fail.
    pub fn attempts(&self) -> AttemptLimits {
        AttemptLimits {
            per_account: self.login_attempts,
            per_address: self.login_attempts_per_address,
            window: self.login_window.get(),
        }
    }

    /// Notes what no single variable shows: a missing secret, limits that allow nothing.
    pub fn check(&self, problems: &mut Problems) {
        let mut wrong = |name: &str, reason: &str| problems.push(format!("{PREFIX}{name}"), reason);
        if self.secret.is_empty() {
            wrong(
                "SECRET",
                "is not set; set it to a long random text, the same on every replica",
            );
        }
        if self.token_duration < Period::seconds(1) {
            wrong("TOKEN_DURATION", "is less than a second");
        }
        if self.login_window < Period::seconds(1) {
            wrong("LOGIN_WINDOW", "is less than a second");
        }
        if self.password_min > 1024 {
            wrong(
                "PASSWORD_MIN",
                "is more than 1024, the most a password can have",
            );
        }
        if self.metadata_max_depth > DEEPEST {
            wrong("METADATA_MAX_DEPTH", "is more than 100");
        }
    }
}

#[cfg(test)]
mod tests {
    use config::Environment;

    use super::*;

    fn problems(variables: &[(&str, &str)]) -> String {
        let environment: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut problems = Problems::new();
        if let Some(config) = config::load::<Config>(&environment, PREFIX, &mut problems) {
            config.check(&mut problems);
        }
        problems.to_string()
    }

    #[test]
    fn w14_there_is_no_default_secret() {
        assert!(problems(&[]).starts_with("MF_USERS_SECRET is not set"));
        assert_eq!(problems(&[("MF_USERS_SECRET", "s")]), "");
    }

    #[test]
    fn every_mistake_is_named() {
        let text = problems(&[
            ("MF_USERS_TOKEN_DURATION", "0"),
            ("MF_USERS_LOGIN_WINDOW", "10ms"),
            ("MF_USERS_PASSWORD_MIN", "1025"),
            ("MF_USERS_METADATA_MAX_DEPTH", "101"),
        ]);
        for name in [
            "SECRET",
            "TOKEN_DURATION",
            "LOGIN_WINDOW",
            "PASSWORD_MIN",
            "METADATA_MAX_DEPTH",
        ] {
            assert!(text.contains(&format!("MF_USERS_{name} is ")), "{text}");
        }
        let text = problems(&[("MF_USERS_TRUSTED_PROXIES", "10.0.0.0/8, nowhere")]);
        assert!(text.contains("MF_USERS_TRUSTED_PROXIES is wrong"), "{text}");
    }

    #[test]
    fn a_complete_configuration_has_no_problems() {
        let text = problems(&[
            ("MF_USERS_SECRET", "s"),
            ("MF_USERS_LOG_LEVEL", "DEBUG"),
            ("MF_USERS_GRPC_HOST", "127.0.0.1"),
            ("MF_USERS_DB", "accounts"),
            ("MF_USERS_TOKEN_DURATION", "1h"),
            ("MF_USERS_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ]);
        assert_eq!(text, "");
    }

    #[test]
    fn the_readme_has_every_variable() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        config::check_readme(readme, PREFIX, &config::table::<Config>(PREFIX));
        let database = config::table::<storage::Config>(DB_PREFIX);
        config::check_readme(readme, DB_PREFIX, &database);
    }
}
