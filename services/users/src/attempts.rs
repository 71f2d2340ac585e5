//! How many logins may fail for one account and from one address.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;
use parking_lot::Mutex;

use crate::model::Email;
use crate::{Error, Result};

/// How many accounts and addresses are remembered per window.
const CAPACITY: usize = 50_000;

/// How many failures are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// For one account in one window; 0 is no limit.
    pub per_account: u32,
    /// From one address in one window; 0 is no limit.
    pub per_address: u32,
    /// The window, which slides.
    pub window: Duration,
}

/// Counts logins that are under way or failed.
pub(crate) struct Attempts {
    limits: AttemptLimits,
    random: RandomState,
    table: Mutex<Table>,
}

/// A login that counts as failed until it is [forgiven](Self::forgive).
#[derive(Debug)]
pub(crate) struct Attempt([u64; 2]);

impl Attempts {
    pub(crate) fn new(limits: AttemptLimits) -> Self {
        Self {
            limits,
            random: RandomState::new(),
            table: Mutex::default(),
        }
    }

    /// Counts one attempt, before its outcome is known: many at once must not slip through.
    pub(crate) fn begin(
        &self,
        account: &Email,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt> {
        let keys = [
            self.key(("account", account)),
            self.key(("address", network(address))),
        ];
        let limits = [self.limits.per_account, self.limits.per_address];
        let mut table = self.table.lock();
        table.slide(self.limits.window, now);
        for (key, limit) in keys.into_iter().zip(limits) {
            if limit > 0 && table.estimate(key, self.limits.window, now) >= u64::from(limit) {
                return Err(Error::TooManyAttempts);
            }
        }
        for key in keys {
            table.count(key, now);
        }
        Ok(Attempt(keys))
    }

    fn key(&self, what: impl Hash) -> u64 {
        self.random.hash_one(what)
    }
}

impl Attempt {
    /// Takes back an attempt that did not fail for a wrong password.
    pub(crate) fn forgive(self, attempts: &Attempts) {
        let mut table = attempts.table.lock();
        for key in self.0 {
            table.forgive(key);
        }
    }
}

/// A subscriber has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Counts of this window and the one before, which fades as this one goes on.
#[derive(Default)]
struct Table {
    started: Timestamp,
    current: HashMap<u64, u32>,
    previous: HashMap<u64, u32>,
}

impl Table {
    fn slide(&mut self, window: Duration, now: Timestamp) {
        let elapsed = now.since(self.started);
        if elapsed >= window.saturating_mul(2) {
            *self = Self::default();
            self.started = now;
        } else if elapsed >= window {
            self.previous = std::mem::take(&mut self.current);
            self.started = self.started.plus(window);
        }
    }

    fn estimate(&self, key: u64, window: Duration, now: Timestamp) -> u64 {
        let count = |counts: &HashMap<u64, u32>| counts.get(&key).copied().unwrap_or(0);
        let left = window.saturating_sub(now.since(self.started));
        let faded = (u128::from(count(&self.previous)) * left.as_micros())
            .div_ceil(window.as_micros().max(1));
        u64::from(count(&self.current)).saturating_add(u64::try_from(faded).unwrap_or(u64::MAX))
    }

    fn count(&mut self, key: u64, now: Timestamp) {
        if self.current.len() >= CAPACITY {
            // A flood of new names starts a window early: memory stays bounded, and recent failures still count.
            self.previous = std::mem::take(&mut self.current);
            self.started = now;
        }
        let count = self.current.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    fn forgive(&mut self, key: u64) {
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

#[cfg(test)]
mod tests;
