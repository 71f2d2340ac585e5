use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use config::{LogLevel, Period, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Chosen;

/// The configuration of the writer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How much it logs: `debug`, `info`, `warn` or `error`.
    pub log_level: LogLevel,
    /// The address its health and metrics are at.
    pub host: IpAddr,
    /// The port of its health and metrics; 0 lets the system choose.
    pub port: u16,
    /// Name of the database on the PostgreSQL server that the variables below choose.
    pub db: String,
    /// TOML file of 0.9 with the channels to store, `[channels]` and `filter = ["<id>", …]` or `["*"]`; without one, all of them; `[]` turns history off.
    pub channels_config: Option<String>,
    /// How many records are stored at a time.
    pub batch_size: usize,
    /// How long a message waits for others to be stored with it.
    pub batch_timeout: Period,
    /// How long things may take to answer.
    pub things_timeout: Period,
    /// How old records get before they are deleted, by their own time; unset, any age. A channel may ask for less.
    pub max_age: Option<Period>,
    /// How many bytes the records of one channel take before the oldest are deleted; unset, any number. A channel may ask for less.
    pub channel_max_bytes: Option<u64>,
    /// How often too old and too many records are looked for.
    pub retention_interval: Period,
}

impl Config {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_WRITER_";
    /// The prefix of the variables that say where its database is, see `storage::Config`.
    pub const DB_PREFIX: &str = "MF_WRITER_DB_";

    /// Returns the address and port to listen on.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Reads the file of the channels, and notes what cannot be used.
    pub fn check(&self, problems: &mut Problems) -> Chosen {
        if self.batch_size == 0 {
            let name = format!("{}BATCH_SIZE", Self::PREFIX);
            problems.push(name, "is 0; allow at least 1");
        }
        if self.retention_interval < Period::seconds(1) {
            let name = format!("{}RETENTION_INTERVAL", Self::PREFIX);
            problems.push(name, "is less than a second");
        }
        let Some(path) = &self.channels_config else {
            return Chosen::All;
        };
        Chosen::read(path).unwrap_or_else(|reason| {
            problems.push(format!("{}CHANNELS_CONFIG", Self::PREFIX), reason);
            Chosen::All
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log_level: LogLevel::Error,
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8900,
            db: history::DATABASE.to_owned(),
            channels_config: None,
            batch_size: 5000,
            batch_timeout: Period::millis(50),
            things_timeout: Period::seconds(1),
            max_age: None,
            channel_max_bytes: None,
            retention_interval: Period::seconds(600),
        }
    }
}
