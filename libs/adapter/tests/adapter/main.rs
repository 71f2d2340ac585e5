//! The adapter over a registry that can be told to be slow, silent or away, and over the real bus.
#![expect(clippy::unwrap_used, reason = "tests may panic, their helpers too")]

mod answers;
mod certificates;
mod following;
mod messages;
mod sessions;
#[path = "../stage/mod.rs"]
mod stage;
mod storm;

use std::future::{Future, ready};

use adapter::{NewSession, Presented};
use messaging::Protocol;
use model::{ChannelId, Credentials, Secret};

fn credentials(key: &str) -> Credentials {
    Credentials::Key(Secret::from(key))
}

fn key(key: &str) -> Presented {
    Presented::key(credentials(key))
}

fn of_key(text: &str, channel: Option<ChannelId>) -> NewSession {
    NewSession {
        presented: key(text),
        channel,
        protocol: Protocol::Ws,
    }
}

/// Lets a future begin; says whether it is still under way.
async fn begin(future: &mut (impl Future + Unpin)) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = ready(()) => true,
    }
}
