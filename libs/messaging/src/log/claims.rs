use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Error, ErrorKind, Result};
use parking_lot::Mutex;

use super::claim::Claim;
use super::positions::Position;
use super::progress::Progress;
use crate::Record;
use crate::index::{Index, Slot};
use crate::record::RecordFilter;

/// How many durable consumers one log has at most.
const MAX_CONSUMERS: usize = 100_000;
/// How many pieces of what is unread are listed, shared evenly by all consumers but within the limits for each.
const LISTED: usize = 1 << 20;
const LISTED_EACH: (usize, usize) = (16, 4096);

/// The durable consumers of a log, by name and by what concerns them.
pub(crate) struct Claims<T: Record> {
    by_name: Mutex<BTreeMap<String, Entered<T>>>,
    index: Index<T, Arc<Claim<T>>>,
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
        }
    }

    /// Takes up a consumer of an earlier process; `end` is the number of the newest record.
    pub(crate) fn restore(&self, position: Position, end: u64) -> Result<()> {
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
        let progress = Progress::restored(position.cursor, position.pending, position.unread, end);
        self.insert(&position.name, filter, progress).map(drop)
    }

    /// Enters a consumer, and tells about it from then on.
    pub(crate) fn insert(
        &self,
        name: &str,
        filter: T::Filter,
        progress: Progress,
    ) -> Result<Arc<Claim<T>>> {
        let mut by_name = self.by_name.lock();
        if by_name.len() >= MAX_CONSUMERS {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "too_many_consumers",
                "the bus has as many durable consumers as it can",
            ));
        }
        let claim = Arc::new(Claim::new(name.to_owned(), filter.clone(), progress));
        let slot = self.index.insert(filter, claim.clone());
        let entered = Entered {
            claim: claim.clone(),
            slot,
        };
        by_name.insert(name.to_owned(), entered);
        Ok(claim)
    }

    /// Finds a consumer, which must have been made with this filter.
    pub(crate) fn get(&self, name: &str, filter: &T::Filter) -> Result<Option<Arc<Claim<T>>>> {
        let by_name = self.by_name.lock();
        let Some(entered) = by_name.get(name) else {
            return Ok(None);
        };
        if entered.claim.filter().subjects() != filter.subjects() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "consumer_filter",
                format!("the consumer {name:?} was made with another filter"),
            ));
        }
        Ok(Some(entered.claim.clone()))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.lock().contains_key(name)
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

    /// Returns how many pieces of what is unread each consumer lists now.
    pub(crate) fn listed(&self) -> usize {
        let (least, most) = LISTED_EACH;
        let consumers = self.by_name.lock().len().max(1);
        (LISTED / consumers).clamp(least, most)
    }

    /// Tells whether a record concerns any consumer.
    pub(crate) fn concerns(&self, record: &T) -> bool {
        self.index.concerns(record)
    }

    /// Calls with every consumer that a record concerns.
    pub(crate) fn concerned(&self, record: &T, call: impl FnMut(&Arc<Claim<T>>)) {
        self.index.concerned(record, call);
    }
}
