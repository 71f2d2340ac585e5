//! `DATA/run.json`: where a running process listens, so that port 0 is usable.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

/// The bound addresses of a process, by listener.
#[derive(Debug, Serialize)]
pub(crate) struct RunJson {
    /// The process id.
    pub(crate) pid: u32,
    /// Addresses by name, such as `users-http`.
    pub(crate) listeners: BTreeMap<&'static str, SocketAddr>,
}

impl RunJson {
    /// Starts without listeners, for this process.
    pub(crate) fn new() -> Self {
        Self {
            pid: std::process::id(),
            listeners: BTreeMap::new(),
        }
    }

    /// Notes where a listener is bound.
    pub(crate) fn add(&mut self, name: &'static str, address: SocketAddr) {
        self.listeners.insert(name, address);
    }

    /// Writes the file whole or not at all.
    pub(crate) fn write(&self, data: &Path) -> io::Result<()> {
        let beside = data.join("run.json.new");
        fs::write(&beside, serde_json::to_vec_pretty(self)?)?;
        fs::rename(beside, data.join("run.json"))
    }

    /// Removes the file of an earlier run, so that nobody takes old addresses for ours.
    pub(crate) fn remove(data: &Path) {
        let _not_there = fs::remove_file(data.join("run.json"));
    }
}
