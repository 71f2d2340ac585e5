use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use config::{LogLevel, Period, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of the reader.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How much it logs: `debug`, `info`, `warn` or `error`.
    pub log_level: LogLevel,
    /// The address it listens on.
    pub host: IpAddr,
    /// The port it listens on; 0 lets the system choose.
    pub port: u16,
    /// Name of the database on the PostgreSQL server that the variables below choose.
    pub db: String,
    /// How long things may take to answer.
    pub things_timeout: Period,
    /// The most messages of a page.
    pub max_limit: u32,
    /// About the most bytes of a page; it ends with the message that goes beyond.
    pub max_page_bytes: usize,
    /// How many connections may be open at once.
    pub max_connections: usize,
}

impl Config {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_READER_";
    /// The prefix of the variables that say where its database is, see `storage::Config`.
    pub const DB_PREFIX: &str = "MF_READER_DB_";

    /// Returns the address and port to listen on.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Notes what cannot be used.
    pub fn check(&self, problems: &mut Problems) {
        if self.max_limit == 0 {
            let name = format!("{}MAX_LIMIT", Self::PREFIX);
            problems.push(name, "is 0; allow at least 1");
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log_level: LogLevel::Error,
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8905,
            db: history::DATABASE.to_owned(),
            things_timeout: Period::seconds(1),
            max_limit: 1000,
            max_page_bytes: 8 * 1024 * 1024,
            max_connections: 10_000,
        }
    }
}
