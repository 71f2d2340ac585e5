//! The engine through sockets, with clients in different shards.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod access;
mod broker;
mod bus;
mod client;
mod lifecycle;
mod nodes;
mod relative;
mod sessions;
mod wills;

use model::ChannelId;

/// A topic of a channel nobody else uses.
fn topic(tail: &str) -> (ChannelId, String) {
    let channel = ChannelId::random();
    (channel, format!("channels/{channel}/messages{tail}"))
}
