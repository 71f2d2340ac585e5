use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use model::Result;

use super::directory::{self, unusable};
use super::frame;
use super::header::{self, Unusable};
use super::scan::{Item, Scan, Scope};

/// More than the numbers in one file can ever be apart.
const MAX_SPAN: u64 = 1 << 48;

/// A file of numbered entries that is appended to, and now and then written anew.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    power: bool,
    salt: u32,
    /// The number of the next entry.
    next: u64,
    end: u64,
    /// Whether a write has failed, which leaves the end of the file uncertain.
    broken: bool,
}

impl Journal {
    /// Opens a file, makes it whole, and calls with the number and the bytes of every entry.
    pub(crate) fn open(path: &Path, power: bool, each: impl FnMut(u64, &[u8])) -> Result<Self> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|error| unusable(path, &error))?,
        };
        let opened = match header::decode(&bytes) {
            Ok(salt) => Self::go_on(path, power, salt, &bytes, each),
            Err(Unusable::Newer(version)) => return Err(directory::newer(path, version)),
            Err(Unusable::Torn) => Self::create(path, power, 1, std::iter::empty()),
            Err(Unusable::Damaged) => directory::set_aside(path)
                .and_then(|()| Self::create(path, power, 1, std::iter::empty())),
        };
        opened.map_err(|error| unusable(path, &error))
    }

    fn go_on(
        path: &Path,
        power: bool,
        salt: u32,
        bytes: &[u8],
        each: impl FnMut(u64, &[u8]),
    ) -> io::Result<Self> {
        let (next, end) = replay(path, bytes, salt, each);
        let file = OpenOptions::new().write(true).open(path)?;
        if end < bytes.len() as u64 {
            file.set_len(end)?;
        }
        if power {
            file.sync_all()?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            power,
            salt,
            next,
            end,
            broken: false,
        })
    }

    /// Makes a file with some entries, and then puts it in the place of the one there is.
    fn create(
        path: &Path,
        power: bool,
        first: u64,
        entries: impl Iterator<Item = Vec<u8>>,
    ) -> io::Result<Self> {
        let salt = header::salt();
        let mut bytes = header::encode(salt);
        let mut next = first;
        for entry in entries {
            frame::append(&mut bytes, salt, next, &entry);
            next += 1;
        }
        Ok(Self {
            path: path.to_owned(),
            file: replace(path, &bytes, power)?,
            power,
            salt,
            next,
            end: bytes.len() as u64,
            broken: false,
        })
    }

    /// Copies what is certain into a new file, after a failure that leaves the rest of the old one uncertain.
    fn mend(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; usize::try_from(self.end).unwrap_or(usize::MAX)];
        File::open(&self.path)?.read_exact_at(&mut bytes, 0)?;
        self.file = replace(&self.path, &bytes, self.power)?;
        self.broken = false;
        Ok(())
    }

    /// Returns the number of the last entry that was ever in the file, 0 when there was none.
    pub(crate) fn last(&self) -> u64 {
        self.next - 1
    }

    /// Makes the numbers go on after one that was given elsewhere.
    pub(crate) fn skip(&mut self, last: u64) {
        self.next = self.next.max(last + 1);
    }

    /// Returns how long the file is.
    pub(crate) fn length(&self) -> u64 {
        self.end
    }

    /// Tells whether there is any entry in the file.
    pub(crate) fn is_empty(&self) -> bool {
        self.end == header::LENGTH
    }

    /// Replaces the file by one with these entries and nothing else.
    pub(crate) fn rewrite(&mut self, entries: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
        *self = Self::create(&self.path, self.power, self.next, entries)?;
        Ok(())
    }

    /// Appends entries and returns when they are as durable as asked for.
    pub(crate) fn append(&mut self, entries: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
        if self.broken {
            self.mend()?;
        }
        let mut frames = Vec::new();
        for entry in entries {
            frame::append(&mut frames, self.salt, self.next, &entry);
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

/// Puts a file with these bytes in the place of the one there is.
fn replace(path: &Path, bytes: &[u8], power: bool) -> io::Result<File> {
    let unfinished = path.with_extension("new");
    let mut file = directory::create(&unfinished)?;
    file.write_all(bytes)?;
    if power {
        file.sync_all()?;
    }
    fs::rename(&unfinished, path)?;
    if let Some(dir) = path.parent().filter(|_| power) {
        directory::sync(dir)?;
    }
    Ok(file)
}

/// Calls with all entries, names what is damaged, and returns the next number and where the good part ends.
fn replay(path: &Path, bytes: &[u8], salt: u32, mut each: impl FnMut(u64, &[u8])) -> (u64, u64) {
    let start = usize::try_from(header::LENGTH).unwrap_or(usize::MAX);
    let scope = Scope {
        salt,
        from: 1,
        until: MAX_SPAN,
        to_end: true,
    };
    let mut scan = Scan::new(&bytes[start..], scope);
    let mut end = start;
    for item in scan.by_ref() {
        match item {
            Item::Frame { at, seq, body } => {
                end = start + at + frame::HEADER + body.len();
                each(seq, body);
            }
            Item::Damage { at, len } if start + at + len < bytes.len() => {
                tracing::error!(file = %path.display(), offset = start + at, bytes = len, "damaged bytes are skipped");
            }
            Item::Damage { at, len } => {
                tracing::warn!(file = %path.display(), offset = start + at, bytes = len, "what was not written completely is cut off");
            }
        }
    }
    (scan.from(), end as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> (Journal, Vec<(u64, Vec<u8>)>) {
        let mut entries = Vec::new();
        let journal = Journal::open(path, true, |number, entry| {
            entries.push((number, entry.to_vec()))
        });
        (journal.unwrap(), entries)
    }

    fn entry(text: &str) -> std::iter::Once<Vec<u8>> {
        std::iter::once(text.as_bytes().to_vec())
    }

    #[test]
    fn numbers_go_on_when_the_file_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let (mut journal, entries) = open(&path);
        assert!(entries.is_empty() && journal.is_empty());
        journal.append(entry("a")).unwrap();
        journal.append(entry("b")).unwrap();
        assert_eq!(journal.last(), 2);
        let (mut journal, entries) = open(&path);
        assert_eq!(entries, [(1, b"a".to_vec()), (2, b"b".to_vec())]);
        journal.rewrite(std::iter::empty()).unwrap();
        assert!(journal.is_empty());
        journal.append(entry("c")).unwrap();
        assert_eq!(open(&path).1, [(3, b"c".to_vec())]);
    }

    #[test]
    fn what_could_not_be_written_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let (mut journal, _) = open(&path);
        journal.append(entry("a")).unwrap();
        journal.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        journal.append(entry("b")).unwrap_err();
        journal.append(entry("c")).unwrap();
        let texts: Vec<_> = open(&path).1.into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, [b"a".to_vec(), b"c".to_vec()]);
    }
}
