use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets something happen once in a period at most, such as a warning that strangers can cause.
#[derive(Debug)]
pub struct Throttle {
    period: Duration,
    last: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Makes one that has let nothing happen yet.
    pub const fn new(period: Duration) -> Self {
        Self {
            period,
            last: Mutex::new(None),
        }
    }

    /// Tells whether it may happen now, and counts it if so.
    pub fn passes(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let passes = last.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if passes {
            *last = Some(now);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Throttle;

    #[test]
    fn once_in_a_period() {
        let throttle = Throttle::new(Duration::from_secs(60));
        let start = Instant::now();
        let passes = |seconds| throttle.passes(start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 59, 60, 61, 119, 200].map(passes),
            [true, false, false, true, false, false, true]
        );
    }
}
