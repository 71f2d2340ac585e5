use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use adapter::DeviceAuth;
use config::{LogLevel, Period};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of the HTTP adapter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The address it listens on.
    pub host: IpAddr,
    /// The port it listens on; 0 lets the system choose.
    pub port: u16,
    /// How much it logs: `debug`, `info`, `warn` or `error`.
    pub log_level: LogLevel,
    /// How long things may take to answer.
    pub things_timeout: Period,
    /// What a device presents: its `key`, its `cert`ificate, `cert_and_key` or `cert_or_key`; all that it presents must be of one thing. Unset, what the port asks for: `cert` when it requires client certificates, `cert_or_key` when they are optional, `key` when it does not ask.
    pub device_auth: Option<DeviceAuth>,
    /// The largest payload it accepts, in bytes.
    pub max_body_bytes: usize,
    /// How many connections may be open at once.
    pub max_connections: usize,
}

impl Config {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_HTTP_ADAPTER_";

    /// Returns the address and port to listen on.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8185,
            log_level: LogLevel::Error,
            things_timeout: Period::seconds(1),
            device_auth: None,
            max_body_bytes: 1024 * 1024,
            max_connections: 10_000,
        }
    }
}
