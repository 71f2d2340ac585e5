use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bytes::Bytes;
use model::Result;

use super::change::{Change, encode};
use crate::disk::journal::Journal;

/// How much longer than what it holds a file may be, and always this much, before it is written anew.
const SLACK: u64 = 1 << 20;

pub(crate) type Map = BTreeMap<String, Bytes>;

/// The file of a bucket: every change since it was last written anew.
#[derive(Debug)]
pub(crate) struct BucketFile(Journal);

impl BucketFile {
    /// Opens a bucket's file, makes it whole, and returns what it holds.
    pub(crate) fn open(path: &Path, power: bool) -> Result<(Self, Map)> {
        let mut map = Map::new();
        let journal = Journal::open(path, power, |number, bytes| match Change::decode(bytes) {
            Some(Change {
                key,
                value: Some(value),
            }) => drop(map.insert(key, value)),
            Some(Change { key, value: None }) => drop(map.remove(&key)),
            None => {
                tracing::error!(file = %path.display(), number, "a change that is not understood is skipped");
            }
        })?;
        Ok((Self(journal), map))
    }

    /// Tells whether the file is to be written anew before it is appended to; `bytes` is what it holds.
    pub(crate) fn is_due(&self, bytes: u64) -> bool {
        self.0.length() > 2 * bytes + SLACK
    }

    /// Replaces the file by one that holds the map and nothing else.
    pub(crate) fn write_anew(&mut self, map: &Map) -> io::Result<()> {
        self.0
            .rewrite(map.iter().map(|(key, value)| encode(key, Some(value))))
    }

    /// Appends changes and returns when they are as durable as asked for.
    pub(crate) fn append<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change>,
    ) -> io::Result<()> {
        self.0.append(changes.map(Change::encode))
    }
}
