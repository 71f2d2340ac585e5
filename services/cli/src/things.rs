use clap::Subcommand;
use http::Method;
use serde_json::json;

use crate::api::Api;
use crate::details::{Kind, connection};
use crate::error::Error;
use crate::target::escape;

/// What can be done with things.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a thing.
    Create {
        /// JSON such as {"name":"weio","key":"…","metadata":{}}; @FILE or - for the standard input.
        json: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Show a thing, or those of a page: all.
    Get {
        /// Id of the thing, or all.
        id: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Replace name and metadata of a thing; what is not given is cleared.
    Update {
        /// JSON with the id, and name and metadata; @FILE or - for the standard input.
        json: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Give a thing another key; the old one is worth nothing at once.
    Key {
        /// Id of the thing.
        id: String,
        /// The new key.
        key: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Delete a thing.
    Delete {
        /// Id of the thing.
        id: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Connect a thing to a channel.
    Connect {
        /// Id of the thing.
        thing: String,
        /// Id of the channel.
        channel: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Disconnect a thing from a channel.
    Disconnect {
        /// Id of the thing.
        thing: String,
        /// Id of the channel.
        channel: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Show the channels a thing is connected to.
    Connections {
        /// Id of the thing.
        thing: String,
        /// Token of the owner.
        token: Option<String>,
    },
}

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    let things = Kind::Things;
    match command {
        Command::Create { json, token } => things.create(api, &json, token).await,
        Command::Get { id, token } => things.get(api, &id, token).await,
        Command::Update { json, token } => things.update(api, &json, token).await,
        Command::Delete { id, token } => things.delete(api, &id, token).await,
        Command::Connections { thing, token } => things.connections(api, &thing, token).await,
        Command::Key { id, key, token } => {
            let (token, body) = (api.token(token)?, json!({ "key": key }));
            let path = format!("/things/{}/key", escape(&id));
            api.things(Method::PATCH, &path, &token, Some(&body))
                .await?;
            api.output.ok()
        }
        Command::Connect {
            thing,
            channel,
            token,
        } => connect(api, Method::PUT, &thing, &channel, token).await,
        Command::Disconnect {
            thing,
            channel,
            token,
        } => connect(api, Method::DELETE, &thing, &channel, token).await,
    }
}

async fn connect(
    api: &mut Api,
    method: Method,
    thing: &str,
    channel: &str,
    token: Option<String>,
) -> Result<(), Error> {
    let token = api.token(token)?;
    api.things(method, &connection(thing, channel), &token, None)
        .await?;
    api.output.ok()
}
