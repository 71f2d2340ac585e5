//! The consumers and their positions on disk: one small file, replaced as a whole, and the one before it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crc32c::crc32c;
use serde::{Deserialize, Serialize};

use super::ranges::Ranges;
use crate::disk::directory;

const CURRENT: &str = "positions";
const PREVIOUS: &str = "positions.old";
const UNFINISHED: &str = "positions.new";

/// All that is known of the consumers of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Positions {
    /// Grows with every file written.
    pub(crate) generation: u64,
    /// The number that the next record gets at least.
    pub(crate) next: u64,
    /// The number of the last registration that is contained in this.
    #[serde(default)]
    pub(crate) registrations: u64,
    pub(crate) consumers: Vec<Position>,
}

/// Where one consumer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) name: String,
    /// The subjects of its filter, which stand for it.
    pub(crate) subjects: Vec<String>,
    /// The first number that was never delivered.
    pub(crate) cursor: u64,
    /// What was delivered and not acknowledged.
    pub(crate) pending: Ranges,
    /// What concerns it from the cursor on, where that is listed.
    #[serde(default)]
    pub(crate) unread: Option<Ranges>,
}

/// What reading the positions came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// These are the newest there are.
    Found(Positions),
    /// There never were any.
    None,
    /// There were, and they cannot be read any more.
    Lost,
}

/// Reads the newest positions that are undamaged, and names those that are not.
pub(crate) fn load(dir: &Path) -> io::Result<Loaded> {
    let mut newest: Option<Positions> = None;
    let mut damaged = false;
    for name in [UNFINISHED, CURRENT, PREVIOUS] {
        let path = dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match parse(&bytes) {
            Some(found)
                if newest
                    .as_ref()
                    .is_none_or(|newest| found.generation > newest.generation) =>
            {
                newest = Some(found);
            }
            Some(_) => {}
            None if name == UNFINISHED => {}
            None => {
                damaged = true;
                tracing::error!(file = %path.display(), offset = 0, "damaged positions of consumers are not used");
            }
        }
    }
    Ok(match newest {
        Some(positions) => Loaded::Found(positions),
        None if damaged => Loaded::Lost,
        None => Loaded::None,
    })
}

/// Replaces the positions; with `power`, they survive the loss of it when this returns.
pub(crate) fn store(dir: &Path, positions: &Positions, power: bool) -> io::Result<()> {
    let unfinished = dir.join(UNFINISHED);
    let mut file = directory::create(&unfinished)?;
    file.write_all(&format(positions)?)?;
    if power {
        file.sync_all()?;
    }
    match fs::rename(dir.join(CURRENT), dir.join(PREVIOUS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::rename(unfinished, dir.join(CURRENT))?,
    }
    if power {
        directory::sync(dir)?;
    }
    Ok(())
}

/// Puts a line with the checksum before the JSON, which people can then still read.
fn format(positions: &Positions) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(positions)?;
    let mut bytes = format!("crc32c {:08x}\n", crc32c(&json)).into_bytes();
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Option<Positions> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, json) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]);
    let sum = u32::from_str_radix(line.strip_prefix("crc32c ")?, 16).ok()?;
    if sum != crc32c(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(generation: u64) -> Positions {
        let mut pending = Ranges::default();
        pending.insert(5);
        Positions {
            generation,
            next: 9,
            registrations: 3,
            consumers: vec![Position {
                name: "writer".to_owned(),
                subjects: vec!["channel.>".to_owned()],
                cursor: 8,
                pending,
                unread: Some(Ranges::default()),
            }],
        }
    }

    fn damage(path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn the_newest_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), Loaded::None);
        for generation in 1..4 {
            store(dir.path(), &positions(generation), generation == 2).unwrap();
            assert_eq!(
                load(dir.path()).unwrap(),
                Loaded::Found(positions(generation))
            );
        }
    }

    #[test]
    fn the_one_before_stands_in_for_a_damaged_one() {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), &positions(1), false).unwrap();
        store(dir.path(), &positions(2), false).unwrap();
        damage(&dir.path().join(CURRENT));
        assert_eq!(load(dir.path()).unwrap(), Loaded::Found(positions(1)));
        damage(&dir.path().join(PREVIOUS));
        assert_eq!(load(dir.path()).unwrap(), Loaded::Lost);
    }

    #[test]
    fn an_unfinished_file_is_nothing_special() {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path(), &positions(1), false).unwrap();
        fs::write(dir.path().join(UNFINISHED), "crc32c 0000").unwrap();
        assert_eq!(load(dir.path()).unwrap(), Loaded::Found(positions(1)));
    }
}
