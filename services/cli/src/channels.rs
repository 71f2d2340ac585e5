use clap::Subcommand;

use crate::api::Api;
use crate::details::Kind;
use crate::error::Error;

/// What can be done with channels.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a channel.
    Create {
        /// JSON such as {"name":"mychan","metadata":{}}; @FILE or - for the standard input.
        json: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Show a channel, or those of a page: all.
    Get {
        /// Id of the channel, or all.
        id: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Replace name and metadata of a channel; what is not given is cleared.
    Update {
        /// JSON with the id, and name and metadata; @FILE or - for the standard input.
        json: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Delete a channel.
    Delete {
        /// Id of the channel.
        id: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Show the things that are connected to a channel.
    Connections {
        /// Id of the channel.
        channel: String,
        /// Token of the owner.
        token: Option<String>,
    },
}

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    let channels = Kind::Channels;
    match command {
        Command::Create { json, token } => channels.create(api, &json, token).await,
        Command::Get { id, token } => channels.get(api, &id, token).await,
        Command::Update { json, token } => channels.update(api, &json, token).await,
        Command::Delete { id, token } => channels.delete(api, &id, token).await,
        Command::Connections { channel, token } => channels.connections(api, &channel, token).await,
    }
}
