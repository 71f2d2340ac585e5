use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use adapter::DeviceAuth;
use config::{LogLevel, Period};
use model::ThingId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of the MQTT adapter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The address it listens on for MQTT.
    pub host: IpAddr,
    /// The port for MQTT; 0 lets the system choose.
    pub port: u16,
    /// The address it listens on for MQTT over WebSocket.
    pub ws_host: IpAddr,
    /// The port for MQTT over WebSocket, any path; 0 lets the system choose.
    pub ws_port: u16,
    /// How much it logs: `debug`, `info`, `warn` or `error`.
    pub log_level: LogLevel,
    /// How long things may take to answer.
    pub things_timeout: Period,
    /// What a device presents: its `key`, its `cert`ificate, `cert_and_key` or `cert_or_key`; all that it presents must be of one thing. Unset, what each of the two ports asks for: `cert` when it requires client certificates, `cert_or_key` when they are optional, `key` when it does not ask.
    pub device_auth: Option<DeviceAuth>,
    /// For development only: the id of the thing that clients without a password are taken for on the plain MQTT port; refused unless `MF_MQTT_ADAPTER_HOST` is a loopback address.
    #[schemars(with = "Option<String>")]
    pub anonymous_thing: Option<ThingId>,
    /// How many threads serve connections; 0 is one for each core.
    pub shards: usize,
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// How many plain connections are accepted in a second; more wait their turn, so that those who are connected have theirs. 0 is any number.
    pub max_accepts_per_second: u32,
    /// How often one thing may connect in a second, at each adapter; 0 is any number.
    pub max_connects_per_thing: u32,
    /// How often the credentials of one address (IPv6: one /64) may be wrong in a second, at each adapter; then connections from there are refused. 0 is any number, for behind a proxy that does not say who connects, all have its address.
    pub max_failures_per_address: u32,
    /// How many messages one thing may publish in a second, at each adapter; 0 is any number.
    pub max_messages_per_thing: u32,
    /// How many bytes of topics and payloads one thing may publish in a second, at each adapter; 0 is any number.
    pub max_bytes_per_thing: u32,
    /// How long a client may take from its connection to an accepted CONNECT.
    pub connect_timeout: Period,
    /// The longest keep-alive in seconds; MQTT 5 clients that ask for more, or for none, are told this one. 0 is no limit.
    pub max_keep_alive: u16,
    /// The largest packet it accepts, in bytes.
    pub max_packet_size: usize,
    /// How many QoS 1 and 2 messages a client may have unacknowledged by the server.
    pub receive_maximum: u16,
    /// How many QoS 1 and 2 messages may be on their way to a client.
    pub max_inflight: u16,
    /// How many QoS 1 and 2 messages may wait for a client without a persistent session before it is closed as too slow.
    pub queue_messages: usize,
    /// How many bytes of them may wait, and how many may be on their way to a client.
    pub queue_bytes: usize,
    /// How many bytes may wait to be written to a client before QoS 0 messages to it are dropped.
    pub output_bytes: usize,
    /// How many sessions there may be, connected or not.
    pub max_sessions: usize,
    /// How many sessions one thing may have, connected or not.
    pub max_sessions_per_thing: usize,
    /// How many subscriptions a session may have.
    pub max_subscriptions: usize,
    /// How long a session may outlive its connection.
    pub max_session_expiry: Period,
    /// How old a message may become that waits for a persistent session; 0 is any age.
    pub message_ttl: Period,
    /// How many retained messages there may be.
    pub max_retained_messages: usize,
    /// How many bytes the retained messages may take.
    pub max_retained_bytes: usize,
}

impl Config {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_MQTT_ADAPTER_";

    /// Returns what cannot be, as a variable and what is wrong with it.
    pub fn problem(&self) -> Option<(String, &'static str)> {
        let exposed = self.anonymous_thing.is_some() && !self.host.is_loopback();
        exposed.then(|| {
            (
                format!("{}ANONYMOUS_THING", Self::PREFIX),
                "lets anybody in, so MF_MQTT_ADAPTER_HOST has to be a loopback address such as 127.0.0.1",
            )
        })
    }

    pub(crate) fn ws_addr(&self) -> SocketAddr {
        SocketAddr::new(self.ws_host, self.ws_port)
    }

    pub(crate) fn engine(&self) -> mqtt::Config {
        let ttl = self.message_ttl.get();
        mqtt::Config {
            listen: Some(SocketAddr::new(self.host, self.port)),
            shards: self.shards,
            max_connections: self.max_connections,
            max_accepts_per_second: self.max_accepts_per_second,
            max_connects_per_thing: self.max_connects_per_thing,
            max_failures_per_address: self.max_failures_per_address,
            max_messages_per_thing: self.max_messages_per_thing,
            max_bytes_per_thing: self.max_bytes_per_thing,
            connect_timeout: self.connect_timeout.get(),
            max_keep_alive: self.max_keep_alive,
            max_packet_size: self.max_packet_size,
            receive_maximum: self.receive_maximum.max(1),
            max_inflight: self.max_inflight.max(1),
            max_queued_messages: self.queue_messages,
            max_queued_bytes: self.queue_bytes,
            max_output_bytes: self.output_bytes,
            max_sessions: self.max_sessions,
            max_sessions_per_thing: self.max_sessions_per_thing,
            max_subscriptions: self.max_subscriptions,
            max_session_expiry: self.max_session_expiry.get(),
            queue_ttl: (!ttl.is_zero()).then_some(ttl),
            max_retained_messages: self.max_retained_messages,
            max_retained_bytes: self.max_retained_bytes,
            ..mqtt::Config::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let engine = mqtt::Config::default();
        Self {
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 1883,
            ws_host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ws_port: 8880,
            log_level: LogLevel::Error,
            things_timeout: Period::seconds(1),
            device_auth: None,
            anonymous_thing: None,
            shards: engine.shards,
            max_connections: engine.max_connections,
            max_accepts_per_second: engine.max_accepts_per_second,
            max_connects_per_thing: engine.max_connects_per_thing,
            max_failures_per_address: engine.max_failures_per_address,
            max_messages_per_thing: engine.max_messages_per_thing,
            max_bytes_per_thing: engine.max_bytes_per_thing,
            connect_timeout: engine.connect_timeout.into(),
            max_keep_alive: engine.max_keep_alive,
            max_packet_size: engine.max_packet_size,
            receive_maximum: engine.receive_maximum,
            max_inflight: engine.max_inflight,
            queue_messages: engine.max_queued_messages,
            queue_bytes: engine.max_queued_bytes,
            output_bytes: engine.max_output_bytes,
            max_sessions: engine.max_sessions,
            max_sessions_per_thing: engine.max_sessions_per_thing,
            max_subscriptions: engine.max_subscriptions,
            max_session_expiry: engine.max_session_expiry.into(),
            message_ttl: Period::default(),
            max_retained_messages: engine.max_retained_messages,
            max_retained_bytes: engine.max_retained_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_let_in_without_credentials_but_on_loopback() {
        let config = |host: &str| Config {
            host: host.parse().unwrap(),
            anonymous_thing: Some(ThingId::random()),
            ..Config::default()
        };
        for host in ["127.0.0.1", "127.1.2.3", "::1"] {
            assert_eq!(config(host).problem(), None, "{host}");
        }
        for host in ["0.0.0.0", "::", "192.168.1.1", "::ffff:127.0.0.1"] {
            let (variable, _) = config(host).problem().expect(host);
            assert_eq!(variable, "MF_MQTT_ADAPTER_ANONYMOUS_THING");
        }
        assert_eq!(Config::default().problem(), None);
    }
}
