use crate::packet::{ConnAck, Connect, Reason, Version};
use crate::session::Session;
use crate::shard::Shard;

/// Makes the CONNACK, and tells the keep-alive that holds.
pub(super) fn connack(
    shard: &Shard,
    connect: &Connect,
    session: &Session,
    session_present: bool,
    assigned: Option<String>,
) -> (ConnAck, u16) {
    let config = &shard.node.config;
    let asked = connect.keep_alive;
    let limited = config.max_keep_alive > 0 && (asked == 0 || asked > config.max_keep_alive);
    // Only MQTT 5 can tell a client to use another interval than its own.
    let server_keep_alive =
        (limited && connect.version == Version::V5).then_some(config.max_keep_alive);
    let expiry = u32::try_from(session.expiry.as_secs()).unwrap_or(u32::MAX);
    let connack = ConnAck {
        session_present,
        session_expiry: (expiry != connect.session_expiry).then_some(expiry),
        receive_maximum: Some(config.receive_maximum),
        max_packet_size: u32::try_from(config.max_packet_size).ok(),
        assigned_client_id: assigned,
        topic_alias_maximum: (config.topic_alias_maximum > 0).then_some(config.topic_alias_maximum),
        server_keep_alive,
        ..ConnAck::new(Reason::Success)
    };
    (connack, server_keep_alive.unwrap_or(asked))
}
