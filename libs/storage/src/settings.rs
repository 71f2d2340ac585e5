mod encryption;
mod ssl_mode;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use model::Secret;

pub(crate) use encryption::Encryption;
pub use ssl_mode::SslMode;
pub use tls::{Named, PostgresFiles};

/// Which database to open, and how.
#[derive(Clone, Debug)]
pub enum Settings {
    /// A file of SQLite, or a database in memory that lives as long as its handle.
    Sqlite(Option<PathBuf>),
    /// A database of a PostgreSQL server.
    Postgres(PostgresSettings),
}

/// Where a PostgreSQL database is and what may be asked of it.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Name or address of the server, or the folder of its socket.
    pub host: String,
    /// Port of the server.
    pub port: u16,
    /// Name to log in with.
    pub user: String,
    /// Password to log in with, possibly empty.
    pub password: Secret,
    /// Name of the database.
    pub database: String,
    /// Whether the connection is encrypted, and what is checked.
    pub ssl_mode: SslMode,
    /// The files of an encrypted connection.
    pub ssl_files: Box<PostgresFiles>,
    /// Schema to create and use, the database's default when absent.
    pub schema: Option<String>,
    /// Most connections at a time.
    pub pool_size: usize,
    /// How long a caller waits for a free connection.
    pub wait_timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            user: "mainflux".to_owned(),
            password: Secret::default(),
            database: "mainflux".to_owned(),
            ssl_mode: SslMode::Disable,
            ssl_files: Box::default(),
            schema: None,
            pool_size: 10,
            wait_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a database's address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub(crate) String);

impl Settings {
    /// Chooses the SQLite file at a path, created with mode 0600 when it does not exist.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(Some(path.into()))
    }

    /// Chooses a new SQLite database in memory.
    pub fn sqlite_memory() -> Self {
        Self::Sqlite(None)
    }

    /// Chooses a database of a PostgreSQL server.
    pub fn postgres(settings: PostgresSettings) -> Self {
        Self::Postgres(settings)
    }

    /// Chooses one schema of a PostgreSQL database, created when it does not exist.
    ///
    /// # Errors
    /// When the URL is no PostgreSQL URL or the name no plain identifier.
    pub fn postgres_schema(url: &str, schema: &str) -> Result<Self, SettingsError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || schema.len() > 63 || !schema.chars().all(plain) {
            return Err(SettingsError(format!(
                "`{schema}` is no schema name; use lower-case letters, digits and `_`"
            )));
        }
        match Self::from_url(url)? {
            Self::Postgres(settings) => Ok(Self::Postgres(PostgresSettings {
                schema: Some(schema.to_owned()),
                ..settings
            })),
            Self::Sqlite(_) => Err(SettingsError("a schema needs a postgres:// URL".to_owned())),
        }
    }

    /// Reads `sqlite:PATH`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE[?sslmode=MODE&sslrootcert=PATH&sslcert=PATH&sslkey=PATH]`.
    ///
    /// # Errors
    /// When the URL is none of these; the text never repeats the password.
    pub fn from_url(url: &str) -> Result<Self, SettingsError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return match path.strip_prefix("//").unwrap_or(path) {
                ":memory:" => Ok(Self::sqlite_memory()),
                "" => Err(SettingsError("the sqlite: URL has no path".to_owned())),
                path => Ok(Self::sqlite(path)),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return url::postgres(url).map(Self::Postgres);
        }
        Err(SettingsError(
            "a database URL starts with sqlite: or postgres://".to_owned(),
        ))
    }
}
