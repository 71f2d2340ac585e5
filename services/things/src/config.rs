use std::net::{IpAddr, Ipv4Addr};

use config::{LogLevel, Period, Problems};
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Limits;
use crate::single_user::SingleUser;

/// The prefix of this service's variables.
pub const PREFIX: &str = "MF_THINGS_";

/// The prefix of the variables that say where its database is, see `storage::Config`.
pub const DB_PREFIX: &str = "MF_THINGS_DB_";

/// The variables of things.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How much is logged: `debug`, `info`, `warn` or `error`.
    pub log_level: LogLevel,
    /// Address the API listens on.
    pub http_host: IpAddr,
    /// Port of the API; 0 takes a free one.
    pub http_port: u16,
    /// Address the unauthenticated auth API listens on; unset means loopback when all roles are in one process, all interfaces otherwise.
    pub auth_http_host: Option<IpAddr>,
    /// Port of the auth API; 0 takes a free one.
    pub auth_http_port: u16,
    /// Address gRPC listens on; unset means as for the auth API.
    pub auth_grpc_host: Option<IpAddr>,
    /// Port of gRPC; 0 takes a free one.
    pub auth_grpc_port: u16,
    /// Name of the database on the PostgreSQL server that the variables below choose.
    pub db: String,
    /// Protects the keys of things in the database; the same on every replica, and as long as the database lives.
    pub secret: Secret,
    /// How long to wait for the users role; a bare number is seconds.
    pub users_timeout: Period,
    /// E-mail address of the only user; with the token, no users role is asked.
    pub single_user_email: String,
    /// Token of the only user.
    pub single_user_token: Secret,
    /// Most bytes of a thing's or channel's metadata.
    pub metadata_max_bytes: usize,
    /// Most levels of a thing's or channel's metadata, at most 100.
    pub metadata_max_depth: usize,
    /// Most things, channels or connections in one request.
    pub bulk_max: usize,
    /// Most bytes of a request's body.
    pub body_max_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log_level: LogLevel::default(),
            http_host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            http_port: 8182,
            auth_http_host: None,
            auth_http_port: 8989,
            auth_grpc_host: None,
            auth_grpc_port: 8183,
            db: "things".to_owned(),
            secret: Secret::default(),
            users_timeout: Period::seconds(1),
            single_user_email: String::new(),
            single_user_token: Secret::default(),
            metadata_max_bytes: 64 * 1024,
            metadata_max_depth: 32,
            bulk_max: 1000,
            body_max_bytes: 2 * 1024 * 1024,
        }
    }
}

/// The deepest metadata there can be: the parser of bodies goes no deeper than 128 levels, all brackets counted.
const DEEPEST: usize = 100;

impl Config {
    /// Returns how much one request may hold.
    pub fn limits(&self) -> Limits {
        Limits {
            metadata_bytes: self.metadata_max_bytes,
            metadata_depth: self.metadata_max_depth,
            bulk: self.bulk_max,
            body_bytes: self.body_max_bytes,
        }
    }

    /// Returns the only user, if there is to be only one.
    pub fn single_user(&self) -> Option<SingleUser> {
        let complete = !self.single_user_email.is_empty() && !self.single_user_token.is_empty();
        complete.then(|| SingleUser::new(&self.single_user_email, self.single_user_token.clone()))
    }

    /// Notes what no single variable shows: a missing secret, half a single user, limits that allow nothing.
    pub fn check(&self, problems: &mut Problems) {
        let mut wrong = |name: &str, reason: &str| problems.push(format!("{PREFIX}{name}"), reason);
        if self.secret.is_empty() {
            wrong(
                "SECRET",
                "is not set; set it to a long random text, the same on every replica",
            );
        }
        match (
            self.single_user_email.is_empty(),
            self.single_user_token.is_empty(),
        ) {
            (true, false) => wrong(
                "SINGLE_USER_EMAIL",
                "is not set, and MF_THINGS_SINGLE_USER_TOKEN is; set both or neither",
            ),
            (false, true) => wrong(
                "SINGLE_USER_TOKEN",
                "is not set, and MF_THINGS_SINGLE_USER_EMAIL is; set both or neither",
            ),
            (true, true) | (false, false) => {}
        }
        if self.bulk_max == 0 {
            wrong("BULK_MAX", "is 0; allow at least 1");
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
    fn half_a_single_user_and_a_missing_secret_are_named() {
        let text = problems(&[("MF_THINGS_SINGLE_USER_EMAIL", "a@b.c")]);
        assert!(text.contains("MF_THINGS_SECRET is not set"), "{text}");
        assert!(
            text.contains("MF_THINGS_SINGLE_USER_TOKEN is not set"),
            "{text}"
        );
        let text = problems(&[
            ("MF_THINGS_SECRET", "s"),
            ("MF_THINGS_SINGLE_USER_TOKEN", "t"),
        ]);
        assert!(
            text.starts_with("MF_THINGS_SINGLE_USER_EMAIL is not set"),
            "{text}"
        );
    }

    #[test]
    fn a_complete_configuration_has_no_problems() {
        let text = problems(&[
            ("MF_THINGS_SECRET", "s"),
            ("MF_THINGS_SINGLE_USER_EMAIL", "a@b.c"),
            ("MF_THINGS_SINGLE_USER_TOKEN", "t"),
            ("MF_THINGS_AUTH_GRPC_HOST", "127.0.0.1"),
            ("MF_THINGS_USERS_TIMEOUT", "2"),
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
