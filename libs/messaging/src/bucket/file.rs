use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use model::{Error, ErrorKind, Result};

use super::change::{Change, encode};
use crate::disk::directory::{self, unusable};
use crate::disk::frame;
use crate::disk::header::{self, Unusable};
use crate::disk::scan::{Item, Scan, Scope};

/// How much longer than what it holds a file may be, and always this much, before it is written anew.
const SLACK: u64 = 1 << 20;
/// More than the numbers in one file can ever be apart.
const MAX_SPAN: u64 = 1 << 48;

pub(crate) type Map = BTreeMap<String, Bytes>;

/// The file of a bucket: every change since it was last written anew.
#[derive(Debug)]
pub(crate) struct BucketFile {
    path: PathBuf,
    file: File,
    power: bool,
    salt: u32,
    /// The number of the next change.
    next: u64,
    end: u64,
    /// Whether a sync has failed: what is in the file then is uncertain, and it is written anew before it is used.
    broken: bool,
}

impl BucketFile {
    /// Opens a bucket's file, makes it whole, and returns what it holds.
    pub(crate) fn open(path: &Path, power: bool) -> Result<(Self, Map)> {
        Self::load(path, power).map_err(|error| unusable(path, &error))?
    }

    fn load(path: &Path, power: bool) -> io::Result<Result<(Self, Map)>> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let salt = match header::decode(&bytes) {
            Ok(salt) => salt,
            Err(Unusable::Newer(version)) => return Ok(Err(newer(path, version))),
            Err(reason) => {
                if reason == Unusable::Damaged {
                    set_aside(path)?;
                }
                return Self::create(path, power, 1, &Map::new())
                    .map(|file| Ok((file, Map::new())));
            }
        };
        let (map, next, end) = replay(path, &bytes, salt);
        let file = OpenOptions::new().write(true).open(path)?;
        if end < bytes.len() as u64 {
            file.set_len(end)?;
        }
        if power {
            file.sync_all()?;
        }
        let file = Self {
            path: path.to_owned(),
            file,
            power,
            salt,
            next,
            end,
            broken: false,
        };
        Ok(Ok((file, map)))
    }

    /// Makes a file that holds a map and nothing else, and then puts it in the place of the one there is.
    fn create(path: &Path, power: bool, next: u64, map: &Map) -> io::Result<Self> {
        let salt = header::salt();
        let mut bytes = header::encode(salt);
        let mut seq = next;
        for (key, value) in map {
            frame::append(&mut bytes, salt, seq, &encode(key, Some(value)));
            seq += 1;
        }
        let unfinished = path.with_extension("new");
        let mut file = directory::create(&unfinished)?;
        file.write_all(&bytes)?;
        if power {
            file.sync_all()?;
        }
        fs::rename(&unfinished, path)?;
        if let Some(dir) = path.parent().filter(|_| power) {
            directory::sync(dir)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            power,
            salt,
            next: seq,
            end: bytes.len() as u64,
            broken: false,
        })
    }

    /// Tells whether the file is to be written anew before it is appended to; `bytes` is what it holds.
    pub(crate) fn is_due(&self, bytes: u64) -> bool {
        self.broken || self.end > 2 * bytes + SLACK
    }

    /// Replaces the file by one that holds the map and nothing else.
    pub(crate) fn write_anew(&mut self, map: &Map) -> io::Result<()> {
        *self = Self::create(&self.path, self.power, self.next, map)?;
        Ok(())
    }

    /// Appends changes and returns when they are as durable as asked for.
    pub(crate) fn append<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change>,
    ) -> io::Result<()> {
        let mut frames = Vec::new();
        for change in changes {
            frame::append(&mut frames, self.salt, self.next, &change.encode());
            self.next += 1;
        }
        let written = self.file.write_all_at(&frames, self.end);
        let result = match written {
            Ok(()) if self.power => self.file.sync_data(),
            other => other,
        };
        match &result {
            Ok(()) => self.end += frames.len() as u64,
            Err(_) => self.broken = true,
        }
        result
    }
}

fn newer(path: &Path, version: u16) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "bus_newer",
        format!(
            "{} has format {version}, which only a newer version of this program reads",
            path.display()
        ),
    )
}

fn set_aside(path: &Path) -> io::Result<()> {
    let aside = path.with_extension("damaged");
    tracing::error!(file = %path.display(), offset = 0, aside = %aside.display(), "a file without a readable header is set aside");
    fs::rename(path, aside)
}

/// Applies all changes in a file, names what is damaged, and returns where the good part ends.
fn replay(path: &Path, bytes: &[u8], salt: u32) -> (Map, u64, u64) {
    let start = usize::try_from(header::LENGTH).unwrap_or(usize::MAX);
    let scope = Scope {
        salt,
        from: 1,
        until: MAX_SPAN,
        to_end: true,
    };
    let mut scan = Scan::new(&bytes[start..], scope);
    let mut map = Map::new();
    let mut end = start;
    for item in scan.by_ref() {
        match item {
            Item::Frame { at, body, .. } => {
                end = start + at + frame::HEADER + body.len();
                match Change::decode(body) {
                    Some(Change {
                        key,
                        value: Some(value),
                    }) => drop(map.insert(key, value)),
                    Some(Change { key, value: None }) => drop(map.remove(&key)),
                    None => {
                        tracing::error!(file = %path.display(), offset = start + at, "a change that is not understood is skipped");
                    }
                }
            }
            Item::Damage { at, len } if start + at + len < bytes.len() => {
                tracing::error!(file = %path.display(), offset = start + at, bytes = len, "damaged bytes are skipped");
            }
            Item::Damage { at, len } => {
                tracing::warn!(file = %path.display(), offset = start + at, bytes = len, "what was not written completely is cut off");
            }
        }
    }
    (map, scan.from(), end as u64)
}
