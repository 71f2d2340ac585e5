use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use adapter::DeviceAuth;
use config::{LogLevel, Period};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of the WebSocket adapter.
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
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// The largest message it accepts, in one frame or several, in bytes.
    pub max_message_bytes: usize,
    /// How long a client may be silent before it is sent a ping; 0 sends none.
    pub ping_interval: Period,
    /// How long a client may take to answer a ping with a pong, or with anything else.
    pub pong_timeout: Period,
    /// How long a client may take nothing of what is written to it.
    pub write_timeout: Period,
    /// How many messages may wait for a client before it is closed as too slow.
    pub queue_messages: usize,
    /// How many bytes may wait for a client before it is closed as too slow.
    pub queue_bytes: usize,
}

impl Config {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_WS_ADAPTER_";

    /// Returns the address and port to listen on.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8186,
            log_level: LogLevel::Error,
            things_timeout: Period::seconds(1),
            device_auth: None,
            max_connections: 10_000,
            max_message_bytes: 1024 * 1024,
            ping_interval: Period::seconds(30),
            pong_timeout: Period::seconds(10),
            write_timeout: Period::seconds(10),
            queue_messages: 1024,
            queue_bytes: 4 * 1024 * 1024,
        }
    }
}
