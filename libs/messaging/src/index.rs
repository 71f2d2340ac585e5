//! Finds those whom a record concerns among many, without looking at the rest.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::Record;
use crate::record::RecordFilter;

/// How many locks the keys are spread over, so that publishers on several cores rarely meet.
const SHARDS: usize = 16;

/// Values with a filter each, found by record.
///
/// Looking up takes a lock only to copy a reference; entering while nobody looks at the same key copies nothing.
pub(crate) struct Index<T: Record, V> {
    hasher: RandomState,
    shards: [Shard<T, V>; SHARDS],
    unkeyed: RwLock<Entries<T, V>>,
    next: AtomicU64,
}

type Shard<T, V> = RwLock<HashMap<<T as Record>::Key, Entries<T, V>>>;
type Entries<T, V> = Arc<Vec<Arc<Entry<T, V>>>>;

struct Entry<T: Record, V> {
    id: u64,
    filter: T::Filter,
    value: V,
}

/// What [`Index::remove`] needs to find an entry again.
pub(crate) struct Slot<K> {
    key: Option<K>,
    id: u64,
}

impl<T: Record, V> Index<T, V> {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
            unkeyed: RwLock::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Enters a value; [`Self::concerned`] calls with it from now on.
    pub(crate) fn insert(&self, filter: T::Filter, value: V) -> Slot<T::Key> {
        let key = filter.key();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry { id, filter, value });
        match &key {
            None => Arc::make_mut(&mut self.unkeyed.write()).push(entry),
            Some(key) => {
                let mut shard = self.shard(key).write();
                Arc::make_mut(shard.entry(key.clone()).or_default()).push(entry);
            }
        }
        Slot { key, id }
    }

    /// Removes a value; a look-up that has begun may still meet it.
    pub(crate) fn remove(&self, slot: &Slot<T::Key>) {
        let remove = |entries: &mut Entries<T, V>| {
            Arc::make_mut(entries).retain(|entry| entry.id != slot.id)
        };
        match &slot.key {
            None => remove(&mut self.unkeyed.write()),
            Some(key) => {
                let mut shard = self.shard(key).write();
                if let Some(entries) = shard.get_mut(key) {
                    remove(entries);
                    if entries.is_empty() {
                        shard.remove(key);
                    }
                }
            }
        }
    }

    /// Calls with every value whose filter chooses the record.
    pub(crate) fn concerned(&self, record: &T, mut call: impl FnMut(&V)) {
        self.any(record, |value| {
            call(value);
            false
        });
    }

    /// Tells whether any filter chooses the record.
    pub(crate) fn concerns(&self, record: &T) -> bool {
        self.any(record, |_| true)
    }

    fn any(&self, record: &T, mut stop: impl FnMut(&V) -> bool) -> bool {
        let key = record.key();
        let keyed = self.shard(&key).read().get(&key).cloned();
        let unkeyed = self.unkeyed.read().clone();
        let all = keyed
            .iter()
            .flat_map(|entries| entries.iter())
            .chain(unkeyed.iter());
        all.filter(|entry| entry.filter.matches(record))
            .any(|entry| stop(&entry.value))
    }

    fn shard(&self, key: &T::Key) -> &Shard<T, V> {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}
