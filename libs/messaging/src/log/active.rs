use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::segment::{Mark, Segment};
use super::segments::Segments;
use crate::disk::{directory, header};

/// The file that records are appended to.
#[derive(Debug)]
pub(crate) struct Active {
    segment: Arc<Segment>,
    pub(super) file: File,
    /// Whether a sync has failed: what is in the file then is uncertain, and nothing more goes in.
    broken: bool,
}

impl Active {
    /// Goes on with the newest file, or begins one where there is none.
    pub(crate) fn open(segments: &Segments, next: u64, power: bool) -> io::Result<Self> {
        let Some(segment) = segments.newest() else {
            return Self::begin(segments, next, power);
        };
        let file = OpenOptions::new().write(true).open(segment.path())?;
        if power {
            file.sync_all()?;
        }
        Ok(Self {
            segment,
            file,
            broken: false,
        })
    }

    /// Begins a file whose first record has the number `next` or a later one.
    pub(crate) fn begin(segments: &Segments, next: u64, power: bool) -> io::Result<Self> {
        let path = segments.path(next);
        let salt = header::salt();
        let mut file = directory::create(&path)?;
        file.write_all(&header::encode(salt))?;
        if power {
            file.sync_all()?;
            directory::sync(segments.dir())?;
        }
        let segment = Arc::new(Segment::new(path, salt, next, next - 1, header::LENGTH));
        segments.insert(segment.clone());
        Ok(Self {
            segment,
            file,
            broken: false,
        })
    }

    pub(crate) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Appends frames and returns when they are as durable as asked for; readers do not see them yet.
    pub(crate) fn append(&mut self, frames: &[u8], power: bool) -> io::Result<()> {
        let end = self.segment.end();
        let written = self.file.write_all_at(frames, end);
        let result = match written {
            Ok(()) if power => self.file.sync_data().inspect_err(|_| self.broken = true),
            other => other,
        };
        if result.is_err() {
            // What readers may see ends before it in any case; this only saves the next start from looking at it.
            drop(self.file.set_len(end));
        }
        result
    }

    /// Lets readers see what was appended; `next` is the number after it.
    pub(crate) fn reveal(&self, frames: usize, next: u64) {
        self.segment.grow(Mark {
            seq: next,
            offset: self.segment.end() + frames as u64,
        });
    }
}
