//! Load, and what a platform makes of it: throughput, latency at a fixed rate, storms of connections.

mod connect;
mod link;
mod live;
mod publish;
mod report;
mod stage;
mod stats;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use crate::api::Api;
use crate::error::Error;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish messages, and measure how long they take to be acknowledged and delivered.
    Publish(publish::Publish),
    /// Open connections, many at once, and hold them.
    Connect(connect::Connect),
}

/// By which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// POST, acknowledged by 202.
    Http,
    /// WebSocket; what is sent comes back on the same connection.
    Ws,
    /// MQTT 3.1.1; each connection subscribes to what it publishes.
    Mqtt,
}

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    match command {
        Command::Publish(publish) => publish::run(publish, api).await,
        Command::Connect(connect) => connect::run(connect, api).await,
    }
}
