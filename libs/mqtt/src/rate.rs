use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::ThingId;
use parking_lot::Mutex;

/// A bound on how much happens in a second; a second's worth may happen at once (the generic cell rate algorithm).
#[derive(Debug)]
pub(crate) struct Rate {
    /// How many nanoseconds one takes; 0 is no bound.
    each: u64,
    begun: Instant,
    /// Until when what has happened takes its time, in nanoseconds since the beginning.
    busy_until: AtomicU64,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    /// Makes a bound; 0 is none.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            each: SECOND.checked_div(per_second.into()).unwrap_or(0),
            begun: Instant::now(),
            busy_until: AtomicU64::new(0),
        }
    }

    /// Notes that so much happens now, unless that is too much.
    pub(crate) fn admits(&self, count: usize) -> bool {
        self.each == 0 || self.admits_at(count, Instant::now())
    }

    fn admits_at(&self, count: usize, now: Instant) -> bool {
        let now = nanos(now - self.begun);
        let cost = self.each.saturating_mul(count as u64);
        let taken =
            self.busy_until
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |busy_until| {
                    // One of any size is let through when nothing happened for a while.
                    let idle = busy_until <= now;
                    let until = busy_until.max(now).saturating_add(cost);
                    (idle || until <= now + SECOND).then_some(until)
                });
        taken.is_ok()
    }

    /// Tells whether what has happened does not count any more.
    pub(crate) fn is_idle(&self) -> bool {
        self.busy_until.load(Ordering::Relaxed) <= nanos(self.begun.elapsed())
    }

    /// Returns how long to wait before one more may happen.
    pub(crate) fn wait(&self) -> Duration {
        let now = nanos(self.begun.elapsed());
        let busy_until = self.busy_until.load(Ordering::Relaxed);
        Duration::from_nanos((busy_until + self.each).saturating_sub(now + SECOND))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

/// What one thing may do in a second, on all its connections to this node.
#[derive(Debug)]
pub(crate) struct ThingRates {
    pub(crate) connects: Rate,
    pub(crate) messages: Rate,
    pub(crate) bytes: Rate,
}

/// How much of each kind is allowed in a second; 0 is any number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThingLimits {
    pub(crate) connects: u32,
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
}

/// The rates of the things that are connected or were a moment ago.
#[derive(Debug)]
pub(crate) struct Rates {
    limits: ThingLimits,
    things: Mutex<HashMap<ThingId, Arc<ThingRates>>>,
}

impl Rates {
    pub(crate) fn new(limits: ThingLimits) -> Self {
        Self {
            limits,
            things: Mutex::default(),
        }
    }

    /// Returns the rates of a thing; nothing when nothing is bounded.
    pub(crate) fn of(&self, thing: ThingId) -> Option<Arc<ThingRates>> {
        let ThingLimits {
            connects,
            messages,
            bytes,
        } = self.limits;
        if connects == 0 && messages == 0 && bytes == 0 {
            return None;
        }
        let mut things = self.things.lock();
        let rates = things.entry(thing).or_insert_with(|| {
            Arc::new(ThingRates {
                connects: Rate::new(connects),
                messages: Rate::new(messages),
                bytes: Rate::new(bytes),
            })
        });
        Some(rates.clone())
    }

    /// Forgets the things that are not connected; called so seldom that what they did does not count any more.
    pub(crate) fn sweep(&self) {
        let mut things = self.things.lock();
        things.retain(|_, rates| Arc::strong_count(rates) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_worth_what_it_is_whatever_the_pattern() {
        let rate = Rate::new(10);
        let at = |millis| rate.begun + Duration::from_millis(millis);
        assert!((0..10).all(|_| rate.admits_at(1, at(0))));
        assert!(!rate.admits_at(1, at(0)) && !rate.admits_at(1, at(99)));
        assert!(rate.admits_at(1, at(100)) && !rate.admits_at(1, at(100)));
        assert!(!rate.admits_at(11, at(1000)), "it is not idle yet");
        assert!(
            rate.admits_at(11, at(5000)),
            "one may always, whatever its size"
        );
        assert!(!rate.admits_at(1, at(5000)));
        assert!((0..1000).all(|_| Rate::new(0).admits(1)));
    }

    #[test]
    fn things_have_rates_of_their_own_and_are_forgotten() {
        let limits = ThingLimits {
            connects: 1,
            messages: 0,
            bytes: 0,
        };
        let rates = Rates::new(limits);
        let (one, other) = (ThingId::random(), ThingId::random());
        assert!(rates.of(one).unwrap().connects.admits(1));
        assert!(!rates.of(one).unwrap().connects.admits(1));
        let kept = rates.of(other).unwrap();
        assert!(kept.connects.admits(1) && kept.messages.admits(1000));
        rates.sweep();
        assert_eq!(rates.things.lock().len(), 1);
        let none = ThingLimits {
            connects: 0,
            ..limits
        };
        assert!(Rates::new(none).of(one).is_none());
    }
}
