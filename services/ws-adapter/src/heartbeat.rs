use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Longer than any connection lasts, and short enough to be added to any moment.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Finds out whether a silent peer is still there.
pub(crate) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    seen: Instant,
    asked: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// What is to be done about the silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Ask whether the peer is there.
    Ping,
    /// Give it up: it did not answer.
    Dead,
}

impl Heartbeat {
    /// Starts listening for silence; an interval of zero stands for never.
    pub(crate) fn new(interval: Duration, timeout: Duration) -> Self {
        let interval = if interval.is_zero() { NEVER } else { interval };
        Self {
            interval,
            timeout,
            seen: Instant::now(),
            asked: None,
            timer: Box::pin(sleep(interval)),
        }
    }

    /// Notes that something came from the peer. The timer is left alone: it looks at this when it rings.
    pub(crate) fn seen(&mut self) {
        self.seen = Instant::now();
    }

    /// Waits until something is to be done. Dropping the future loses nothing.
    pub(crate) async fn beat(&mut self) -> Beat {
        loop {
            self.timer.as_mut().await;
            match self.asked {
                Some(asked) if self.seen < asked => return Beat::Dead,
                Some(_) => self.asked = None,
                None if self.seen.elapsed() >= self.interval => {
                    let now = Instant::now();
                    self.asked = Some(now);
                    self.timer.as_mut().reset(now + self.timeout);
                    return Beat::Ping;
                }
                None => {}
            }
            self.timer.as_mut().reset(self.seen + self.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);
    const TIMEOUT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn silence_is_asked_about_and_then_given_up() {
        let (mut heartbeat, start) = (Heartbeat::new(INTERVAL, TIMEOUT), Instant::now());
        assert_eq!(heartbeat.beat().await, Beat::Ping);
        assert_eq!(start.elapsed().as_secs(), 30);
        assert_eq!(heartbeat.beat().await, Beat::Dead);
        assert_eq!(start.elapsed().as_secs(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_starts_the_silence_anew() {
        let (mut heartbeat, start) = (Heartbeat::new(INTERVAL, TIMEOUT), Instant::now());
        assert_eq!(heartbeat.beat().await, Beat::Ping);
        tokio::time::advance(Duration::from_secs(5)).await;
        heartbeat.seen();
        assert_eq!(heartbeat.beat().await, Beat::Ping);
        assert_eq!(start.elapsed().as_secs(), 65);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_asks_never() {
        let mut heartbeat = Heartbeat::new(Duration::ZERO, TIMEOUT);
        let year = Duration::from_secs(365 * 24 * 3600);
        assert!(tokio::time::timeout(year, heartbeat.beat()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_talks_is_not_asked() {
        let (mut heartbeat, start) = (Heartbeat::new(INTERVAL, TIMEOUT), Instant::now());
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(20)).await;
            heartbeat.seen();
        }
        assert_eq!(heartbeat.beat().await, Beat::Ping);
        assert_eq!(start.elapsed().as_secs(), 230);
    }
}
