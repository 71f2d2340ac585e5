use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::disk::header;
use crate::disk::scan::{Item, Scan, Scope};

/// How much of a file is read at once.
const CHUNK: u64 = 256 << 10;
/// How far apart the places are that are remembered to find a record by its number.
const MARK_EVERY: u64 = 64 << 10;
/// How many damaged places of one file are remembered so that each is named once.
const MAX_REPORTED: usize = 1024;

/// A place between two frames of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The number that the next frame has at least.
    pub(crate) seq: u64,
    /// Where it begins.
    pub(crate) offset: u64,
}

/// A file of frames, as its readers see it.
#[derive(Debug)]
pub(crate) struct Segment {
    first: u64,
    path: PathBuf,
    salt: u32,
    /// The number of the last record, `first - 1` while there is none.
    last: AtomicU64,
    /// Where what may be read ends.
    end: AtomicU64,
    marks: Mutex<Vec<Mark>>,
    reported: Mutex<BTreeSet<u64>>,
}

impl Segment {
    pub(crate) fn new(path: PathBuf, salt: u32, first: u64, last: u64, end: u64) -> Self {
        Self {
            first,
            path,
            salt,
            last: AtomicU64::new(last),
            end: AtomicU64::new(end),
            marks: Mutex::new(vec![Mark {
                seq: first,
                offset: header::LENGTH,
            }]),
            reported: Mutex::default(),
        }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn salt(&self) -> u32 {
        self.salt
    }

    /// Returns how many bytes its frames take.
    pub(crate) fn bytes(&self) -> u64 {
        self.end() - header::LENGTH
    }

    /// Lets readers see what was appended.
    pub(crate) fn grow(&self, after: Mark) {
        self.mark(after);
        self.last.store(after.seq - 1, Ordering::Release);
        self.end.store(after.offset, Ordering::Release);
    }

    /// Returns the best known place to begin looking for a number.
    pub(crate) fn mark_before(&self, seq: u64) -> Mark {
        let marks = self.marks.lock();
        let after = marks.partition_point(|mark| mark.seq <= seq);
        marks[after.saturating_sub(1)]
    }

    /// Remembers a place, unless one close to it is known.
    pub(crate) fn mark(&self, mark: Mark) {
        let mut marks = self.marks.lock();
        let last = marks[marks.len() - 1];
        if mark.offset >= last.offset + MARK_EVERY && mark.seq > last.seq {
            marks.push(mark);
        }
    }

    /// Reads the frames from a mark on, as many as a chunk holds, and returns where they end.
    pub(crate) fn read(
        &self,
        mark: Mark,
        mut each: impl FnMut(u64, u64, &[u8]),
    ) -> io::Result<Mark> {
        let file = self.open()?;
        let end = self.end().min(file.metadata()?.len());
        let mut size = CHUNK.min(end.saturating_sub(mark.offset));
        loop {
            let to_end = mark.offset + size >= end;
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut bytes, mark.offset)?;
            let mut scan = Scan::new(&bytes, self.scope(mark.seq, to_end));
            for item in scan.by_ref() {
                match item {
                    Item::Frame { at, seq, body } => each(seq, mark.offset + at as u64, body),
                    Item::Damage { at, len } => {
                        self.report(mark.offset + at as u64, len, "damaged bytes are skipped")
                    }
                }
            }
            if scan.at() > 0 || to_end {
                let after = Mark {
                    seq: scan.from(),
                    offset: mark.offset + scan.at() as u64,
                };
                self.mark(after);
                return Ok(after);
            }
            size = end - mark.offset;
        }
    }

    /// Reads all frames whose number is at least this.
    pub(crate) fn read_from(
        &self,
        seq: u64,
        mut each: impl FnMut(u64, u64, &[u8]),
    ) -> io::Result<()> {
        let mut mark = self.mark_before(seq);
        while mark.offset < self.end() {
            mark = self.read(mark, |found, offset, body| {
                if found >= seq {
                    each(found, offset, body);
                }
            })?;
        }
        Ok(())
    }

    /// Opens the file, which another may have taken the place of: then it is not found.
    fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let mut start = [0; header::LENGTH as usize];
        file.read_exact_at(&mut start, 0)?;
        match header::decode(&start) {
            Ok(salt) if salt != self.salt => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(file),
        }
    }

    fn scope(&self, from: u64, to_end: bool) -> Scope {
        Scope {
            salt: self.salt,
            from,
            until: self.last(),
            to_end,
        }
    }

    /// Names a damaged place in the log of the process, once.
    pub(crate) fn report(&self, offset: u64, len: usize, what: &'static str) {
        let mut reported = self.reported.lock();
        if reported.len() < MAX_REPORTED && reported.insert(offset) {
            tracing::error!(file = %self.path.display(), offset, bytes = len, "{what}");
        }
    }
}
