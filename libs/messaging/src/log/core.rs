use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::{Error, Result};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::claim::{Claim, closed};
use super::claims::Claims;
use super::keeper::Chores;
use super::meters::Meters;
use super::positions::{self, Loaded, Positions};
use super::queue::Queue;
use super::ranges::Ranges;
use super::segments::Segments;
use super::space::Space;
use super::tail::Tail;
use crate::Record;
use crate::disk::directory::{Lock, unusable};
use crate::router::Router;

/// How a log keeps its promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Whether what is accepted survives the loss of power.
    pub(crate) power: bool,
    /// How many bytes are kept for consumers.
    pub(crate) max_bytes: u64,
}

impl Settings {
    /// Returns how long a file gets before the next one is begun.
    pub(crate) fn segment_bytes(self) -> u64 {
        (self.max_bytes / 16).clamp(4 << 10, 8 << 20)
    }
}

/// What publishers, consumers and the writer of a log share.
pub(crate) struct Core<T: Record> {
    pub(crate) settings: Settings,
    pub(crate) queue: Queue<T>,
    pub(crate) chores: Chores,
    pub(crate) segments: Segments,
    pub(crate) tail: Tail<T>,
    pub(crate) claims: Claims<T>,
    pub(crate) router: Router<T>,
    pub(crate) space: Space,
    pub(crate) meters: Meters,
    /// The number of the next record; held while new records are made known, so that a consumer begins between two.
    pub(crate) next: Mutex<u64>,
    /// The number of the newest record, for those who do not want to wait.
    pub(crate) newest: AtomicU64,
    /// Where a new consumer begins when the positions were lost, and below which nothing is deleted in this process.
    orphans: Option<(u64, u64)>,
    /// Whether the positions on disk are not the newest.
    pub(crate) dirty: AtomicBool,
    /// Why nothing can be written, while that is so.
    pub(crate) trouble: Mutex<Option<Error>>,
    /// Cancelled when the log has ended, whatever the reason.
    pub(crate) ended: CancellationToken,
    generation: Mutex<u64>,
    _lock: Arc<Lock>,
}

impl<T: Record> Core<T> {
    /// Opens what is in the directory and returns it with the number of the next record.
    pub(crate) fn open(dir: &Path, lock: Arc<Lock>, settings: Settings) -> Result<Self> {
        let segments = Segments::open(dir)?;
        let loaded = positions::load(dir).map_err(|error| unusable(dir, &error))?;
        let oldest = segments
            .sealed()
            .first()
            .cloned()
            .or_else(|| segments.newest());
        let oldest = oldest.map_or(1, |segment| segment.first());
        let after_log = segments.newest().map_or(1, |segment| segment.last() + 1);
        let lost = loaded == Loaded::Lost;
        let positions = match loaded {
            Loaded::Found(positions) => positions,
            Loaded::None | Loaded::Lost => Positions::default(),
        };
        let next = positions.next.max(after_log).max(1);
        let claims = Claims::new();
        for position in positions.consumers {
            claims.restore(position, next)?;
        }
        Ok(Self {
            settings,
            queue: Queue::new(),
            chores: Chores::default(),
            space: Space::new(settings.max_bytes, segments.bytes()),
            segments,
            tail: Tail::new(),
            claims,
            router: Router::new(),
            meters: Meters::new(T::STREAM),
            next: Mutex::new(next),
            newest: AtomicU64::new(next - 1),
            orphans: lost.then_some((oldest, next)),
            dirty: AtomicBool::new(false),
            trouble: Mutex::default(),
            ended: CancellationToken::new(),
            generation: Mutex::new(positions.generation),
            _lock: lock,
        })
    }

    /// Finds a consumer or makes one that begins with the next record, and tells whether it was made.
    pub(crate) fn enter(&self, name: &str, filter: T::Filter) -> Result<(Arc<Claim<T>>, bool)> {
        let next = self.next.lock();
        if let Some(claim) = self.claims.get(name, &filter)? {
            return Ok((claim, false));
        }
        let first = self.orphans.map_or(*next, |(oldest, _)| oldest);
        let range = (first, *next - 1);
        let claim = self
            .claims
            .insert(name.to_owned(), filter, range, Ranges::default())?;
        Ok((claim, true))
    }

    /// Tells whether the records of a segment may belong to consumers whose positions were lost.
    pub(crate) fn is_orphan(&self, first: u64) -> bool {
        self.orphans.is_some_and(|(_, end)| first < end)
    }

    /// Writes down where all consumers stand.
    pub(crate) fn persist(&self) -> io::Result<()> {
        let mut generation = self.generation.lock();
        self.dirty.store(false, Ordering::Relaxed);
        let next = *self.next.lock();
        let positions = self.claims.positions(*generation + 1, next);
        let stored = positions::store(self.segments.dir(), &positions, self.settings.power);
        if stored.is_err() {
            self.dirty.store(true, Ordering::Relaxed);
        }
        stored?;
        *generation += 1;
        Ok(())
    }

    /// Writes down who the consumers are, so that even one damaged file does not make them forgotten.
    pub(crate) fn persist_consumers(&self) -> Result<()> {
        self.persist()
            .and_then(|()| self.persist())
            .map_err(|error| unusable(self.segments.dir(), &error))
    }

    /// Fails when the log has ended.
    pub(crate) fn check(&self) -> Result<()> {
        if self.ended.is_cancelled() {
            return Err(closed());
        }
        Ok(())
    }

    /// Ends everything that waits; the writer calls it when it ends, whatever the reason.
    pub(crate) fn end(&self) {
        self.ended.cancel();
        self.queue.abandon();
        self.chores.close();
        for claim in self.claims.all() {
            claim.close();
        }
    }
}
