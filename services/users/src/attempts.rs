//! How many logins may fail for one account and from one address.

mod table;

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use model::{Timestamp, subscriber};
use parking_lot::Mutex;

use crate::model::Email;
use crate::{Error, Result};
use table::Table;

/// How long an address is known to an account after a login, at least.
const KNOWN_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many failures are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// For one account in one window, from each address it knows and from all others together; 0 is no limit.
    pub per_account: u32,
    /// From one address in one window; 0 is no limit.
    pub per_address: u32,
    /// The window, which slides.
    pub window: Duration,
}

/// Counts logins that are under way or failed.
///
/// An address from which somebody logged in to an account is known to it and has a count of its own there: whoever
/// fails on purpose, from elsewhere, does not keep the owner out.
pub(crate) struct Attempts {
    limits: AttemptLimits,
    random: RandomState,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    failed: Table,
    /// Pairs of account and address.
    known: Table,
}

/// A login that counts as failed until it is told otherwise.
#[derive(Debug)]
pub(crate) struct Attempt {
    counted: [u64; 2],
    pair: u64,
}

impl Attempts {
    pub(crate) fn new(limits: AttemptLimits) -> Self {
        Self {
            limits,
            random: RandomState::new(),
            tables: Mutex::default(),
        }
    }

    /// Counts one attempt, before its outcome is known: many at once must not slip through.
    pub(crate) fn begin(
        &self,
        account: &Email,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt> {
        let network = subscriber(address);
        let pair = self.key(("pair", account, network));
        let everywhere = self.key(("account", account));
        let mut tables = self.tables.lock();
        tables.known.slide(KNOWN_FOR, now);
        tables.failed.slide(self.limits.window, now);
        let known = tables.known.holds(pair);
        let counted = [
            if known { pair } else { everywhere },
            self.key(("address", network)),
        ];
        let limits = [self.limits.per_account, self.limits.per_address];
        for (key, limit) in counted.into_iter().zip(limits) {
            let failures = tables.failed.estimate(key, self.limits.window, now);
            if limit > 0 && failures >= u64::from(limit) {
                return Err(Error::TooManyAttempts);
            }
        }
        for key in counted {
            tables.failed.count(key, now);
        }
        Ok(Attempt { counted, pair })
    }

    fn key(&self, what: impl Hash) -> u64 {
        self.random.hash_one(what)
    }
}

impl Attempt {
    /// Takes back an attempt that did not fail for a wrong password.
    pub(crate) fn forgive(self, attempts: &Attempts) {
        let mut tables = attempts.tables.lock();
        for key in self.counted {
            tables.failed.forgive(key);
        }
    }

    /// Takes back an attempt with the right password, and makes its address known to the account.
    pub(crate) fn succeed(self, attempts: &Attempts, now: Timestamp) {
        attempts.tables.lock().known.note(self.pair, now);
        self.forgive(attempts);
    }
}

#[cfg(test)]
mod tests;
