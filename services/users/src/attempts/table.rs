use std::collections::HashMap;
use std::time::Duration;

use model::Timestamp;

/// How many keys are remembered per window.
pub(super) const CAPACITY: usize = 50_000;

/// Counts of this window and the one before, which fades as this one goes on.
#[derive(Default)]
pub(super) struct Table {
    started: Timestamp,
    pub(super) current: HashMap<u64, u32>,
    pub(super) previous: HashMap<u64, u32>,
}

impl Table {
    pub(super) fn slide(&mut self, window: Duration, now: Timestamp) {
        let elapsed = now.since(self.started);
        if elapsed >= window.saturating_mul(2) {
            *self = Self::default();
            self.started = now;
        } else if elapsed >= window {
            self.previous = std::mem::take(&mut self.current);
            self.started = self.started.plus(window);
        }
    }

    pub(super) fn estimate(&self, key: u64, window: Duration, now: Timestamp) -> u64 {
        let count = |counts: &HashMap<u64, u32>| counts.get(&key).copied().unwrap_or(0);
        let left = window.saturating_sub(now.since(self.started));
        let faded = (u128::from(count(&self.previous)) * left.as_micros())
            .div_ceil(window.as_micros().max(1));
        u64::from(count(&self.current)).saturating_add(u64::try_from(faded).unwrap_or(u64::MAX))
    }

    pub(super) fn count(&mut self, key: u64, now: Timestamp) {
        if self.current.len() >= CAPACITY {
            // A flood of new names starts a window early: memory stays bounded, and recent failures still count.
            self.previous = std::mem::take(&mut self.current);
            self.started = now;
        }
        let count = self.current.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// Remembers a key, without counting.
    pub(super) fn note(&mut self, key: u64, now: Timestamp) {
        if !self.current.contains_key(&key) {
            self.count(key, now);
        }
    }

    pub(super) fn holds(&self, key: u64) -> bool {
        self.current.contains_key(&key) || self.previous.contains_key(&key)
    }

    pub(super) fn forgive(&mut self, key: u64) {
        let counts = if self.current.contains_key(&key) {
            &mut self.current
        } else {
            &mut self.previous
        };
        if let Some(count) = counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }
}
