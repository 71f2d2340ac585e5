use ::config::{Period, Problems};
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Named, PostgresFiles, PostgresSettings, Settings, SslMode};

/// The variables that say where the database of a service is, below a prefix such as `MF_USERS_DB_`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// URL of the database, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME`; wins over the parts below.
    pub url: Secret,
    /// Host of the PostgreSQL server, or the folder of its socket; set, it chooses PostgreSQL.
    pub host: Option<String>,
    /// Port of the PostgreSQL server.
    pub port: u16,
    /// User to log in to PostgreSQL with.
    pub user: String,
    /// Password to log in to PostgreSQL with.
    pub pass: Secret,
    /// Encryption of the connection to PostgreSQL: `disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`, as libpq understands them.
    pub ssl_mode: SslMode,
    /// File with our certificate for PostgreSQL in PEM.
    pub ssl_cert: Option<String>,
    /// File with the key of that certificate in PEM.
    pub ssl_key: Option<String>,
    /// File with the authorities of PostgreSQL's certificate in PEM, or `system`; with one, `require` is `verify-ca`.
    pub ssl_root_cert: Option<String>,
    /// Most connections to PostgreSQL at a time.
    pub pool_size: usize,
    /// How long a request waits for a free connection to PostgreSQL.
    pub wait_timeout: Period,
    /// How long connecting to PostgreSQL may take.
    pub connect_timeout: Period,
    /// How long one statement may take on PostgreSQL.
    pub statement_timeout: Period,
}

impl Default for Config {
    fn default() -> Self {
        let PostgresSettings {
            port,
            user,
            password,
            ssl_mode,
            pool_size,
            wait_timeout,
            connect_timeout,
            statement_timeout,
            ..
        } = PostgresSettings::default();
        Self {
            url: Secret::default(),
            host: None,
            port,
            user,
            pass: password,
            ssl_mode,
            ssl_cert: None,
            ssl_key: None,
            ssl_root_cert: None,
            pool_size,
            wait_timeout: wait_timeout.into(),
            connect_timeout: connect_timeout.into(),
            statement_timeout: statement_timeout.into(),
        }
    }
}

impl Config {
    /// Returns the database that is named, or nothing when none is or something is wrong; then a problem says what.
    ///
    /// `database` is its name on the server that the parts choose, `prefix` that of these variables.
    pub fn settings(
        &self,
        database: &str,
        prefix: &str,
        problems: &mut Problems,
    ) -> Option<Settings> {
        self.check(prefix, problems);
        let settings = if self.url.is_empty() {
            Settings::Postgres(self.parts(database, prefix)?)
        } else {
            match Settings::from_url(self.url.expose()) {
                Ok(settings) => settings,
                Err(error) => {
                    problems.push(format!("{prefix}URL"), format!("is wrong: {error}"));
                    return None;
                }
            }
        };
        let settings = match settings {
            Settings::Postgres(settings) => self.limit(settings),
            sqlite @ Settings::Sqlite(_) => return Some(sqlite),
        };
        // The files are read again when it is opened; here is where their mistakes belong.
        if let Err(error) = settings.encryption() {
            problems.push(
                format!("{prefix}SSL_MODE"),
                format!("cannot be honoured: {error}"),
            );
            return None;
        }
        Some(Settings::Postgres(settings))
    }

    fn check(&self, prefix: &str, problems: &mut Problems) {
        if self.pool_size == 0 {
            problems.push(format!("{prefix}POOL_SIZE"), "is 0; allow at least 1");
        }
        for (name, period) in [
            ("WAIT_TIMEOUT", self.wait_timeout),
            ("CONNECT_TIMEOUT", self.connect_timeout),
            ("STATEMENT_TIMEOUT", self.statement_timeout),
        ] {
            if period < Period::millis(1) {
                problems.push(format!("{prefix}{name}"), "is less than a millisecond");
            }
        }
    }

    fn parts(&self, database: &str, prefix: &str) -> Option<PostgresSettings> {
        let file = |name: &str, path: &Option<String>| {
            let variable = format!("{prefix}{name}");
            Some(Named {
                variable,
                path: path.clone()?,
            })
        };
        Some(PostgresSettings {
            host: self.host.clone()?,
            port: self.port,
            user: self.user.clone(),
            password: self.pass.clone(),
            database: database.to_owned(),
            ssl_mode: self.ssl_mode,
            ssl_files: PostgresFiles {
                cert: file("SSL_CERT", &self.ssl_cert),
                key: file("SSL_KEY", &self.ssl_key),
                root: file("SSL_ROOT_CERT", &self.ssl_root_cert),
            }
            .into(),
            ..PostgresSettings::default()
        })
    }

    /// Sets what no URL says.
    fn limit(&self, settings: PostgresSettings) -> PostgresSettings {
        PostgresSettings {
            pool_size: self.pool_size,
            wait_timeout: self.wait_timeout.get(),
            connect_timeout: self.connect_timeout.get(),
            statement_timeout: self.statement_timeout.get(),
            ..settings
        }
    }
}

#[cfg(test)]
mod tests;
