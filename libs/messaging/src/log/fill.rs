use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::ranges::Ranges;
use super::segment::{Mark, Segment};
use super::segments::Segments;
use crate::Record;
use crate::record::RecordFilter;

/// How many records a consumer takes at once.
const MAX_RECORDS: usize = 256;
/// How many bytes of records a consumer takes at once.
const MAX_BYTES: usize = 256 << 10;

/// Which records a consumer reads.
#[derive(Debug)]
pub(crate) enum Choice<T: Record> {
    /// Those with these numbers, which its filter chooses.
    Listed(Arc<Ranges>),
    /// Those its filter chooses.
    Matching(T::Filter),
}

impl<T: Record> Choice<T> {
    /// Tells whether the record with this number and these bytes may be chosen, without decoding it.
    fn wants(&self, seq: u64, body: &[u8]) -> bool {
        match self {
            Self::Listed(ranges) => ranges.contains(seq),
            Self::Matching(filter) => match (filter.key(), T::peek_key(body)) {
                (Some(wanted), Some(found)) => wanted == found,
                _ => true,
            },
        }
    }

    /// Tells whether a record that may be chosen is.
    fn matches(&self, record: &T) -> bool {
        match self {
            Self::Listed(_) => true,
            Self::Matching(filter) => filter.matches(record),
        }
    }
}

/// What a consumer has read and not handed out yet.
#[derive(Debug)]
pub(crate) struct Fill<T> {
    pub(crate) records: VecDeque<(u64, Arc<T>)>,
    bytes: usize,
    /// The first number that was not looked at.
    pub(crate) next: u64,
    /// Where in the files that is, if they were read.
    pub(crate) spot: Option<Spot>,
}

/// A place in the files to go on reading at.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    segment: Arc<Segment>,
    mark: Mark,
}

impl<T: Record> Fill<T> {
    pub(crate) fn empty(next: u64) -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            next,
            spot: None,
        }
    }

    pub(crate) fn push(&mut self, seq: u64, record: Arc<T>) {
        self.bytes += record.size();
        self.records.push_back((seq, record));
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= MAX_RECORDS || self.bytes >= MAX_BYTES
    }
}

/// Reads records from `from` to `until` out of the files: one chunk, and so possibly none that is chosen.
pub(crate) fn from_disk<T: Record>(
    segments: &Segments,
    (from, until): (u64, u64),
    choice: &Choice<T>,
    spot: Option<Spot>,
) -> io::Result<Fill<T>> {
    let Some(segment) = segments.locate(from) else {
        return Ok(Fill::empty(until + 1));
    };
    let known = spot.filter(|spot| Arc::ptr_eq(&spot.segment, &segment) && spot.mark.seq <= from);
    let start = known.map_or_else(|| segment.mark_before(from), |spot| spot.mark);
    let mut fill = Fill::empty(from);
    let read = segment.read(start, |seq, offset, body| {
        if !(from..=until).contains(&seq) || !choice.wants(seq, body) {
            return;
        }
        match T::decode(body) {
            Ok(record) if choice.matches(&record) => fill.push(seq, Arc::new(record)),
            Ok(_) => {}
            Err(_) => segment.report(
                offset,
                body.len(),
                "a record that is not understood is skipped",
            ),
        }
    });
    let mark = match read {
        Ok(mark) => mark,
        // The file was deleted or rewritten meanwhile; what is asked for is elsewhere.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !segments.has(&segment) => {
            return Ok(fill);
        }
        Err(error) => return Err(error),
    };
    let next = if mark.offset >= segment.end() {
        segments.after(segment.first()).unwrap_or(u64::MAX)
    } else {
        mark.seq
    };
    fill.next = next.min(until + 1).max(from);
    fill.spot = Some(Spot { segment, mark });
    Ok(fill)
}
