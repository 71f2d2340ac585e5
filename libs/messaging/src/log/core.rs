use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::{Error, Result};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::claim::{Claim, closed};
use super::claims::Claims;
use super::keeper::Chores;
use super::meters::Meters;
use super::positions::{self, Positions};
use super::progress::Progress;
use super::queue::Queue;
use super::recovery::recover;
use super::registrations::{self, Registration, Registrations};
use super::segments::Segments;
use super::space::Space;
use super::tail::Tail;
use crate::Record;
use crate::disk::directory::Lock;
use crate::record::RecordFilter;
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
    pub(crate) registrations: Registrations,
    pub(crate) router: Router<T>,
    pub(crate) space: Space,
    pub(crate) meters: Meters,
    /// The number of the next record; held while new records are made known, so that a consumer begins between two.
    pub(crate) next: Mutex<u64>,
    /// The number of the newest record, for those who do not want to wait.
    pub(crate) newest: AtomicU64,
    /// Where a new consumer begins when the positions were lost, and below which nothing is deleted in this process.
    orphans: Option<(u64, u64)>,
    /// What was published shortly before the process before this one ended: it may be published again by who got no answer.
    pub(crate) unanswered: HashMap<Uuid, u64>,
    /// Whether the positions on disk are not the newest.
    pub(crate) dirty: AtomicBool,
    /// Why nothing can be written, while that is so.
    pub(crate) trouble: Mutex<Option<Error>>,
    /// Cancelled when the log has ended, whatever the reason.
    pub(crate) ended: CancellationToken,
    /// The positions that were written down last, without the consumers.
    saved: Mutex<Positions>,
    _lock: Arc<Lock>,
}

impl<T: Record> Core<T> {
    /// Opens what is in a directory.
    pub(crate) fn open(dir: &Path, lock: Arc<Lock>, settings: Settings) -> Result<Self> {
        let found = recover(dir, settings.power)?;
        Ok(Self {
            settings,
            queue: Queue::new(),
            chores: Chores::default(),
            space: Space::new(settings.max_bytes, found.segments.bytes()),
            segments: found.segments,
            tail: found.tail,
            claims: found.claims,
            registrations: found.registrations,
            router: Router::new(),
            meters: Meters::new(T::STREAM),
            next: Mutex::new(found.next),
            newest: AtomicU64::new(found.next - 1),
            orphans: found.orphans,
            unanswered: found.unanswered,
            saved: Mutex::new(found.positions),
            dirty: AtomicBool::new(false),
            trouble: Mutex::default(),
            ended: CancellationToken::new(),
            _lock: lock,
        })
    }

    /// Finds a consumer, or makes one that begins with the next record.
    pub(crate) async fn enter(&self, name: &str, filter: T::Filter) -> Result<Arc<Claim<T>>> {
        if let Some(claim) = self.claims.get(name, &filter)? {
            return Ok(claim);
        }
        let registration = |cursor| Registration::Entered {
            name: name.to_owned(),
            subjects: filter.subjects(),
            cursor,
        };
        let (claim, cursor) = self.begin(name, filter.clone())?;
        let written = self
            .registrations
            .submit(registration(cursor), registrations::write);
        if let Err(error) = written.await {
            self.claims.remove(name);
            return Err(error);
        }
        self.dirty.store(true, Ordering::Relaxed);
        Ok(claim)
    }

    fn begin(&self, name: &str, filter: T::Filter) -> Result<(Arc<Claim<T>>, u64)> {
        let next = self.next.lock();
        let cursor = self.orphans.map_or(*next, |(oldest, _)| oldest);
        let progress = Progress::looking(cursor, *next - 1);
        let claim = self.claims.insert(name, filter, progress)?;
        Ok((claim, cursor))
    }

    /// Removes a consumer.
    pub(crate) async fn leave(&self, name: &str) -> Result<()> {
        if !self.claims.remove(name) {
            return Ok(());
        }
        let name = name.to_owned();
        let left = Registration::Left { name };
        self.registrations
            .submit(left, registrations::write)
            .await?;
        self.dirty.store(true, Ordering::Relaxed);
        self.chores.reclaim();
        Ok(())
    }

    /// Tells whether the records of a segment may belong to consumers whose positions were lost.
    pub(crate) fn is_orphan(&self, first: u64) -> bool {
        self.orphans.is_some_and(|(_, end)| first < end)
    }

    /// Writes down where all consumers stand; called by the keeper only, whose thread may wait.
    pub(crate) fn persist(&self) -> io::Result<()> {
        self.dirty.store(false, Ordering::Relaxed);
        let saved = self
            .save()
            .inspect_err(|_| self.dirty.store(true, Ordering::Relaxed))?;
        let mut before = self.saved.lock();
        let mut registrations = self.registrations.file().blocking_lock();
        // Both files of positions have them then, so that one of the two may be damaged.
        if !registrations.is_empty() && before.registrations == registrations.last() {
            registrations.rewrite(std::iter::empty())?;
        }
        *before = saved;
        Ok(())
    }

    fn save(&self) -> io::Result<Positions> {
        // Consumers are entered before that is registered, so all that are registered now are among those below.
        let registrations = self.registrations.file().blocking_lock().last();
        let next = *self.next.lock();
        let claims = self.claims.all();
        let positions = Positions {
            generation: self.saved.lock().generation + 1,
            next,
            registrations,
            consumers: claims.iter().map(|claim| claim.position(next)).collect(),
        };
        positions::store(self.segments.dir(), &positions, self.settings.power)?;
        Ok(Positions {
            consumers: Vec::new(),
            ..positions
        })
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
