use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Result;
use parking_lot::RwLock;

use super::segment::{Mark, Segment};
use crate::disk::directory::{self, unusable};
use crate::disk::frame;
use crate::disk::header::{self, Unusable};
use crate::disk::scan::{Item, Scan, Scope};

const EXTENSION: &str = "log";
/// More than the numbers in one file can ever be apart.
const MAX_SPAN: u64 = 1 << 32;

/// The files of a log, oldest first; the last one is being written.
#[derive(Debug)]
pub(crate) struct Segments {
    dir: PathBuf,
    list: RwLock<BTreeMap<u64, Arc<Segment>>>,
}

impl Segments {
    /// Finds what is in a directory, makes the last file whole, and names what is damaged.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        directory::create_dir(dir).map_err(|error| unusable(dir, &error))?;
        let files = files(dir).map_err(|error| unusable(dir, &error))?;
        let mut list = BTreeMap::new();
        let mut next = None;
        for (first, path) in files.into_iter().rev() {
            if let Some(segment) = open_segment(&path, first, next)? {
                list.insert(first, Arc::new(segment));
                next = Some(first);
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            list: RwLock::new(list),
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the path of the file that begins with a number.
    pub(crate) fn path(&self, first: u64) -> PathBuf {
        self.dir.join(format!("{first:016x}.{EXTENSION}"))
    }

    pub(crate) fn insert(&self, segment: Arc<Segment>) {
        self.list.write().insert(segment.first(), segment);
    }

    pub(crate) fn newest(&self) -> Option<Arc<Segment>> {
        self.list
            .read()
            .last_key_value()
            .map(|(_, segment)| segment.clone())
    }

    /// Returns the number that the oldest file begins with.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.list.read().first_key_value().map(|(first, _)| *first)
    }

    /// Returns the files that are complete, oldest first.
    pub(crate) fn sealed(&self) -> Vec<Arc<Segment>> {
        let list = self.list.read();
        let count = list.len().saturating_sub(1);
        list.values().take(count).cloned().collect()
    }

    /// Returns the file that has the number, or else the first one after it.
    pub(crate) fn locate(&self, seq: u64) -> Option<Arc<Segment>> {
        let list = self.list.read();
        let before = list.range(..=seq).next_back().map(|(_, segment)| segment);
        let found = match before {
            Some(segment) if segment.last() >= seq => Some(segment),
            _ => list.range(seq..).next().map(|(_, segment)| segment),
        };
        found.cloned()
    }

    /// Returns the number that the file after this one begins with.
    pub(crate) fn after(&self, first: u64) -> Option<u64> {
        self.list
            .read()
            .range(first + 1..)
            .next()
            .map(|(first, _)| *first)
    }

    /// Tells whether this very segment is still one of them.
    pub(crate) fn has(&self, segment: &Arc<Segment>) -> bool {
        is_in(&self.list.read(), segment)
    }

    /// Forgets a file and deletes it, unless another has taken its place.
    pub(crate) fn remove(&self, segment: &Arc<Segment>) -> bool {
        let mut list = self.list.write();
        if !is_in(&list, segment) {
            return false;
        }
        list.remove(&segment.first());
        drop(list);
        if let Err(error) = fs::remove_file(segment.path()) {
            tracing::warn!(file = %segment.path().display(), %error, "a file that is not needed any more cannot be deleted");
        }
        true
    }

    /// Puts a file in the place of another, unless that is gone.
    pub(crate) fn replace(
        &self,
        old: &Arc<Segment>,
        new: Segment,
        unfinished: &Path,
    ) -> io::Result<bool> {
        let mut list = self.list.write();
        if !is_in(&list, old) {
            fs::remove_file(unfinished)?;
            return Ok(false);
        }
        fs::rename(unfinished, new.path())?;
        list.insert(new.first(), Arc::new(new));
        Ok(true)
    }

    /// Returns how many bytes all frames take.
    pub(crate) fn bytes(&self) -> u64 {
        self.list
            .read()
            .values()
            .map(|segment| segment.bytes())
            .sum()
    }
}

fn is_in(list: &BTreeMap<u64, Arc<Segment>>, segment: &Arc<Segment>) -> bool {
    list.get(&segment.first())
        .is_some_and(|found| Arc::ptr_eq(found, segment))
}

fn files(dir: &Path) -> io::Result<BTreeMap<u64, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let first = path
            .file_stem()
            .and_then(|stem| u64::from_str_radix(stem.to_str()?, 16).ok());
        if let Some(first) = first.filter(|_| {
            path.extension()
                .is_some_and(|extension| extension == EXTENSION)
        }) {
            files.insert(first, path);
        }
    }
    Ok(files)
}

/// Opens one file; `next` is the number the file after it begins with, and then it needs no more than its header.
fn open_segment(path: &Path, first: u64, next: Option<u64>) -> Result<Option<Segment>> {
    let mut start = Vec::new();
    let length = File::open(path)
        .and_then(|file| {
            (&file).take(header::LENGTH).read_to_end(&mut start)?;
            file.metadata()
        })
        .map_err(|error| unusable(path, &error))?
        .len();
    match header::decode(&start) {
        Ok(salt) => match next {
            Some(next) => Ok(Some(Segment::new(
                path.to_owned(),
                salt,
                first,
                next - 1,
                length,
            ))),
            None => recover(path, salt, first)
                .map(Some)
                .map_err(|error| unusable(path, &error)),
        },
        Err(Unusable::Newer(version)) => Err(directory::newer(path, version)),
        Err(reason) => {
            let cleared = match reason {
                Unusable::Torn => discard(path),
                Unusable::Damaged | Unusable::Newer(_) => directory::set_aside(path),
            };
            cleared
                .map_err(|error| unusable(path, &error))
                .map(|()| None)
        }
    }
}

fn discard(path: &Path) -> io::Result<()> {
    tracing::warn!(file = %path.display(), offset = 0, "an unfinished file is removed");
    fs::remove_file(path)
}

/// Reads the last file, cuts off what was not written completely, and names what else is damaged.
fn recover(path: &Path, salt: u32, first: u64) -> io::Result<Segment> {
    let bytes = fs::read(path)?;
    let frames = &bytes[usize::try_from(header::LENGTH).unwrap_or(usize::MAX)..];
    let scope = Scope {
        salt,
        from: first,
        until: first.saturating_add(MAX_SPAN),
        to_end: true,
    };
    let mut scan = Scan::new(frames, scope);
    let mut end = 0;
    let mut damage = Vec::new();
    let mut places = Vec::new();
    for item in scan.by_ref() {
        match item {
            Item::Frame { at, seq, body } => {
                end = at + frame::HEADER + body.len();
                places.push((seq, at));
            }
            Item::Damage { at, len } => damage.push((at, len)),
        }
    }
    let end_offset = header::LENGTH + end as u64;
    let segment = Segment::new(
        path.to_owned(),
        salt,
        first,
        scan.from().saturating_sub(1),
        end_offset,
    );
    for (seq, at) in places {
        segment.mark(Mark {
            seq,
            offset: header::LENGTH + at as u64,
        });
    }
    for (at, len) in damage {
        let offset = header::LENGTH + at as u64;
        if at < end {
            segment.report(offset, len, "damaged bytes are skipped");
        } else {
            tracing::warn!(file = %path.display(), offset, bytes = len, "what was not written completely is cut off");
            OpenOptions::new().write(true).open(path)?.set_len(offset)?;
        }
    }
    Ok(segment)
}
