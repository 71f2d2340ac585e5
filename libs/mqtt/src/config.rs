use std::net::SocketAddr;
use std::time::Duration;

/// Where the engine listens and how much it gives to whom; every number bounds something a client could fill.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where plain MQTT is listened for; nothing when connections only come by [`crate::Link::attach`].
    pub listen: Option<SocketAddr>,
    /// How many threads serve connections; 0 is one for each core, at most 64.
    pub shards: usize,
    /// How many connections there may be.
    pub max_connections: usize,
    /// How many connections are accepted in a second, those of TLS and WebSocket aside; more wait their turn. 0 is any number.
    pub max_accepts_per_second: u32,
    /// How often one thing may connect in a second; 0 is any number.
    pub max_connects_per_thing: u32,
    /// How often credentials that come from one address may be wrong in a second; then connections from there are refused. 0 is any number.
    pub max_failures_per_address: u32,
    /// How many messages one thing may publish in a second; 0 is any number.
    pub max_messages_per_thing: u32,
    /// How many bytes of topics and payloads one thing may publish in a second; 0 is any number.
    pub max_bytes_per_thing: u32,
    /// How long a client may take from its connection to an accepted CONNECT.
    pub connect_timeout: Duration,
    /// How long a connection that is told to go may take to read why.
    pub linger_timeout: Duration,
    /// The longest keep-alive in seconds; MQTT 5 clients that ask for more, or for none, are told this one. 0 is no limit.
    pub max_keep_alive: u16,
    /// The largest packet taken, in bytes.
    pub max_packet_size: usize,
    /// The longest client id taken, in bytes.
    pub max_client_id: usize,
    /// How many topic aliases a client may set, and how many it is given at most.
    pub topic_alias_maximum: u16,
    /// How many QoS 1 and 2 messages a client may have unacknowledged by the server.
    pub receive_maximum: u16,
    /// How many QoS 1 and 2 messages may be on their way to a client, whatever more it would take.
    pub max_inflight: u16,
    /// How many QoS 1 and 2 messages may wait for a live subscriber before it is cut.
    pub max_queued_messages: usize,
    /// How many bytes of them may wait, and how many may be on their way to it.
    pub max_queued_bytes: usize,
    /// How many bytes may wait to be written to a connection before QoS 0 messages are dropped.
    pub max_output_bytes: usize,
    /// How many sessions there may be, connected or not.
    pub max_sessions: usize,
    /// How many of them one thing may have.
    pub max_sessions_per_thing: usize,
    /// How many subscriptions a session may have.
    pub max_subscriptions: usize,
    /// How long a session may outlive its connection; also what "for ever" means.
    pub max_session_expiry: Duration,
    /// How old a message may become in the queue of a persistent session; nothing is any age.
    pub queue_ttl: Option<Duration>,
    /// How many retained messages there may be.
    pub max_retained_messages: usize,
    /// How many bytes of retained messages there may be.
    pub max_retained_bytes: usize,
    /// After how long without a sign of life another node, or the process before this one, is taken for dead: then the wills
    /// of its clients are published.
    pub node_timeout: Duration,
    /// How many messages may be on their way to a shard before those of QoS 0 are dropped.
    pub max_mailbox_messages: usize,
    /// How many messages of other protocols and nodes may wait to be handed out.
    pub max_live_messages: usize,
    /// How many bytes of them.
    pub max_live_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: None,
            shards: 0,
            max_connections: 10_000,
            max_accepts_per_second: 4_000,
            max_connects_per_thing: 0,
            max_failures_per_address: 0,
            max_messages_per_thing: 0,
            max_bytes_per_thing: 0,
            connect_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(2),
            max_keep_alive: 0,
            max_packet_size: 1024 * 1024,
            max_client_id: 1024,
            topic_alias_maximum: 32,
            receive_maximum: 1024,
            max_inflight: 256,
            max_queued_messages: 10_000,
            max_queued_bytes: 8 * 1024 * 1024,
            max_output_bytes: 1024 * 1024,
            max_sessions: 100_000,
            max_sessions_per_thing: 1_000,
            max_subscriptions: 1_000,
            max_session_expiry: Duration::from_secs(7 * 24 * 60 * 60),
            queue_ttl: None,
            max_retained_messages: 100_000,
            max_retained_bytes: 64 * 1024 * 1024,
            node_timeout: Duration::from_secs(30),
            max_mailbox_messages: 65_536,
            max_live_messages: 65_536,
            max_live_bytes: 64 * 1024 * 1024,
        }
    }
}
