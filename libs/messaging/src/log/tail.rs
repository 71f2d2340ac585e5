use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;

use super::fill::Fill;
use crate::Record;

/// How many bytes of the newest records stay in memory.
const MAX_BYTES: usize = 8 << 20;
/// How many of the newest records stay in memory.
const MAX_RECORDS: usize = 64 << 10;
/// How many records a consumer looks at before it lets go of the lock.
const MAX_LOOK: u64 = 4096;

/// The newest records, so that consumers who keep up never touch the disk.
#[derive(Debug)]
pub(crate) struct Tail<T>(RwLock<Recent<T>>);

#[derive(Debug)]
struct Recent<T> {
    records: VecDeque<(u64, Arc<T>)>,
    bytes: usize,
}

impl<T: Record> Tail<T> {
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Recent {
            records: VecDeque::new(),
            bytes: 0,
        }))
    }

    /// Adds records that come after all that are there.
    pub(crate) fn extend(&self, records: impl Iterator<Item = (u64, Arc<T>)>) {
        let mut recent = self.0.write();
        for (seq, record) in records {
            recent.bytes += record.size();
            recent.records.push_back((seq, record));
        }
        while recent.bytes > MAX_BYTES || recent.records.len() > MAX_RECORDS {
            let Some((_, record)) = recent.records.pop_front() else {
                return;
            };
            recent.bytes -= record.size();
        }
    }

    /// Reads chosen records from `from` to `until`, or nothing when the first of them is not in memory.
    pub(crate) fn fill(
        &self,
        (from, until): (u64, u64),
        chosen: impl Fn(u64, &T) -> bool,
    ) -> Option<Fill<T>> {
        let recent = self.0.read();
        let (first, _) = recent.records.front()?;
        if from < *first {
            return None;
        }
        let mut fill = Fill::empty(from);
        let start = recent.records.partition_point(|(seq, _)| *seq < from);
        for (seq, record) in recent.records.range(start..) {
            if *seq > until {
                break;
            }
            if fill.is_full() || *seq >= from.saturating_add(MAX_LOOK) {
                return Some(fill);
            }
            fill.next = seq + 1;
            if chosen(*seq, record) {
                fill.push(*seq, record.clone());
            }
        }
        fill.next = fill.next.max(until + 1);
        Some(fill)
    }
}
