use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::claim::Claim;
use super::compact::compact;
use super::core::Core;
use super::segment::Segment;
use crate::Record;

/// How often positions are written down and figures brought up to date.
const TICK: Duration = Duration::from_secs(1);
/// How many times as long as its work took the keeper rests at least.
const REST: u32 = 20;
/// How many files are looked through in a tick for what can be left out, when space is scarce and when there is none.
const COMPACTIONS: (usize, usize) = (1, 8);

/// What the keeper is told.
#[derive(Debug, Default)]
pub(crate) struct Chores {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    reclaim: bool,
    closed: bool,
}

impl Chores {
    /// Asks for a look at what is not needed any more.
    pub(crate) fn reclaim(&self) {
        self.waiting.lock().reclaim = true;
        self.arrived.notify_one();
    }

    /// Ends the keeper when it has put everything in order.
    pub(crate) fn close(&self) {
        self.waiting.lock().closed = true;
        self.arrived.notify_one();
    }

    fn wait(&self, until: Instant) -> Waiting {
        let mut waiting = self.waiting.lock();
        while !waiting.reclaim && !waiting.closed {
            if self.arrived.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        let told = *waiting;
        waiting.reclaim = false;
        told
    }
}

/// Keeps house beside the writer: deletes what nobody needs, and writes down where the consumers stand.
pub(crate) struct Keeper<T: Record> {
    core: Arc<Core<T>>,
    /// The file that was compacted last, by its first number.
    compacted: u64,
}

impl<T: Record> Keeper<T> {
    pub(crate) fn new(core: Arc<Core<T>>) -> Self {
        Self { core, compacted: 0 }
    }

    /// Works until it is closed.
    pub(crate) fn run(mut self) {
        let mut tick = Instant::now();
        loop {
            let told = self.core.chores.wait(tick);
            self.reclaim();
            if told.closed {
                break;
            }
            let begun = Instant::now();
            if begun >= tick {
                self.tick();
                tick = Instant::now() + TICK.max(begun.elapsed() * REST);
            }
        }
        self.persist();
    }

    fn tick(&mut self) {
        if self.core.space.is_scarce() {
            self.compact();
        }
        if self.core.dirty.load(Ordering::Relaxed) {
            self.persist();
        }
        self.measure();
    }

    /// Deletes the files that nobody needs any more.
    pub(super) fn reclaim(&self) {
        let core = &self.core;
        let claims = core.claims.all();
        // Whoever holds one file mostly holds the next one too, and is asked first.
        let mut holder = 0;
        let mut needed = |segment: &Segment| {
            let holds = |claim: &Arc<Claim<T>>| claim.needs_any(segment);
            if claims.get(holder).is_some_and(holds) {
                return true;
            }
            let found = claims.iter().position(holds);
            holder = found.unwrap_or(holder);
            found.is_some()
        };
        for segment in core.segments.sealed() {
            if core.is_orphan(segment.first()) || needed(&segment) {
                continue;
            }
            if core.segments.remove(&segment) {
                core.space.free(segment.bytes());
            }
        }
        let active = core.segments.newest().filter(|active| active.bytes() > 0);
        if core.space.is_full() && active.is_some_and(|active| !needed(&active)) {
            core.queue.roll();
        }
    }

    /// Looks through some files for records that nobody needs any more between others that somebody does.
    pub(super) fn compact(&mut self) {
        let (scarce, full) = COMPACTIONS;
        let count = if self.core.space.is_full() {
            full
        } else {
            scarce
        };
        for _ in 0..count {
            let sealed = self.core.segments.sealed();
            let next = sealed
                .iter()
                .find(|segment| segment.first() > self.compacted);
            let Some(segment) = next.filter(|segment| !self.core.is_orphan(segment.first())) else {
                self.compacted = 0;
                return;
            };
            self.compacted = segment.first();
            if self
                .core
                .claims
                .all()
                .iter()
                .any(|claim| claim.needs_all(segment))
            {
                continue;
            }
            if let Err(error) = compact(&self.core, segment) {
                let file = segment.path().display();
                tracing::warn!(%file, %error, "a file cannot be freed of what is not needed any more");
            }
        }
    }

    fn persist(&self) {
        if let Err(error) = self.core.persist() {
            let dir = self.core.segments.dir().display();
            tracing::warn!(%dir, %error, "the positions of consumers cannot be written; they may get records again");
        }
    }

    fn measure(&self) {
        let claims = self.core.claims.all();
        let meters = &self.core.meters;
        meters.lag.set(as_f64(lag(&claims, *self.core.next.lock())));
        meters.consumers.set(as_f64(claims.len() as u64));
        meters.bytes.set(as_f64(self.core.space.used()));
    }
}

/// Returns how far the slowest consumer is behind.
fn lag<T: Record>(claims: &[Arc<Claim<T>>], next: u64) -> u64 {
    let floor = claims.iter().filter_map(|claim| claim.floor()).min();
    floor.map_or(0, |floor| next.saturating_sub(floor))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge need not show the last digit of a large number"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}
