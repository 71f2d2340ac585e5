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
mod shared;
mod wills;

use std::path::Path;
use std::{fs, io};

use model::ChannelId;

/// A topic of a channel nobody else uses.
fn topic(tail: &str) -> (ChannelId, String) {
    let channel = ChannelId::random();
    (channel, format!("channels/{channel}/messages{tail}"))
}

/// Copies what a running engine has on disk, as a process that is killed leaves it behind; a file that goes meanwhile is
/// not there.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else if let Err(error) = fs::copy(&from, &to) {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}
