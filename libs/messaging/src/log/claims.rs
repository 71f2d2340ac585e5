use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;

use super::claim::Claim;
use super::positions::{Position, Positions};
use super::ranges::Ranges;
use super::segment::Segment;
use crate::Record;
use crate::index::{Index, Slot};
use crate::record::RecordFilter;

/// How many durable consumers one log has at most.
const MAX_CONSUMERS: usize = 100_000;

/// The durable consumers of a log, by name and by what concerns them.
pub(crate) struct Claims<T: Record> {
    by_name: Mutex<BTreeMap<String, Entered<T>>>,
    index: Index<T, Arc<Claim<T>>>,
    next_id: AtomicU64,
}

struct Entered<T: Record> {
    claim: Arc<Claim<T>>,
    slot: Slot<T::Key>,
}

impl<T: Record> Claims<T> {
    pub(crate) fn new() -> Self {
        Self {
            by_name: Mutex::default(),
            index: Index::new(),
            next_id: AtomicU64::new(0),
        }
    }

    /// Takes up a consumer of an earlier process; all before `next` may concern it.
    pub(crate) fn restore(&self, position: Position, next: u64) -> Result<()> {
        let filter = T::Filter::from_subjects(&position.subjects).ok_or_else(|| {
            Error::new(
                ErrorKind::Conflict,
                "bus_newer",
                format!(
                    "the consumer {:?} has a filter that only another version of this program reads",
                    position.name
                ),
            )
        })?;
        let range = (position.cursor, next.saturating_sub(1));
        self.insert(position.name, filter, range, position.pending)?;
        Ok(())
    }

    /// Enters a consumer that looks at `range` first, and tells about it from then on.
    pub(crate) fn insert(
        &self,
        name: String,
        filter: T::Filter,
        range: (u64, u64),
        pending: Ranges,
    ) -> Result<Arc<Claim<T>>> {
        let mut by_name = self.by_name.lock();
        if by_name.len() >= MAX_CONSUMERS {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "too_many_consumers",
                "the bus has as many durable consumers as it can",
            ));
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let claim = Arc::new(Claim::new(id, name.clone(), filter.clone(), range, pending));
        let slot = self.index.insert(filter, claim.clone());
        let entered = Entered {
            claim: claim.clone(),
            slot,
        };
        by_name.insert(name, entered);
        Ok(claim)
    }

    /// Finds a consumer, which must have been made with this filter.
    pub(crate) fn get(&self, name: &str, filter: &T::Filter) -> Result<Option<Arc<Claim<T>>>> {
        let Some(claim) = self
            .by_name
            .lock()
            .get(name)
            .map(|entered| entered.claim.clone())
        else {
            return Ok(None);
        };
        if claim.filter.subjects() != filter.subjects() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "consumer_filter",
                format!("the consumer {name:?} was made with another filter"),
            ));
        }
        Ok(Some(claim))
    }

    /// Removes a consumer and ends whoever reads it; false when there was none.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let Some(entered) = self.by_name.lock().remove(name) else {
            return false;
        };
        self.index.remove(&entered.slot);
        entered.claim.close();
        true
    }

    pub(crate) fn all(&self) -> Vec<Arc<Claim<T>>> {
        let by_name = self.by_name.lock();
        by_name
            .values()
            .map(|entered| entered.claim.clone())
            .collect()
    }

    /// Tells whether a record concerns any consumer.
    pub(crate) fn concerns(&self, record: &T) -> bool {
        self.index.concerns(record)
    }

    /// Calls with every consumer that a record concerns.
    pub(crate) fn concerned(&self, record: &T, call: impl FnMut(&Arc<Claim<T>>)) {
        self.index.concerned(record, call);
    }

    /// Returns where all stand, for the file with this generation; `next` is the number after the newest.
    pub(crate) fn positions(&self, generation: u64, next: u64) -> Positions {
        let position = |claim: Arc<Claim<T>>| {
            let (cursor, pending) = claim.position(next);
            Position {
                name: claim.name.clone(),
                subjects: claim.filter.subjects(),
                cursor,
                pending,
            }
        };
        Positions {
            generation,
            next,
            consumers: self.all().into_iter().map(position).collect(),
        }
    }
}

/// Tells whether any of the consumers still needs something of a segment, as far as is known.
pub(crate) fn needed<T: Record>(claims: &[Arc<Claim<T>>], segment: &Segment) -> bool {
    match segment.concerned() {
        None => claims
            .iter()
            .any(|claim| claim.needs(segment, segment.last())),
        Some(concerned) => claims.iter().any(|claim| {
            concerned
                .get(&claim.id)
                .is_some_and(|last| claim.needs(segment, *last))
        }),
    }
}
