//! What is seen of a benchmark while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::progress::Progress;

/// How many there were so far, of all connections.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Live {
    pub(crate) fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Draws a bar until it is dropped: of the time when the work has an end in time, else of what is to be done.
    pub(crate) async fn draw(&self, span: Option<Duration>, total: u64, what: &str) {
        let steps = span.map_or(total, |span| span.as_secs());
        let mut bar = Progress::new(steps);
        let start = Instant::now();
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut before, mut then) = (0, start);
        loop {
            ticks.tick().await;
            let (done, now) = (self.done.load(Ordering::Relaxed), Instant::now());
            let rate = (done - before) as f64 / (now - then).as_secs_f64().max(1e-9);
            (before, then) = (done, now);
            let step = span.map_or(done, |_| (now - start).as_secs());
            let failed = self.failed.load(Ordering::Relaxed);
            bar.show(step, &format!("{rate:.0} {what}/s, {failed} failed"));
        }
    }
}
