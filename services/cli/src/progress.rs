use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often it is drawn at most.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many characters the bar has.
const WIDTH: u64 = 30;

/// A bar on the standard error while it is a terminal; it is gone when the work is over.
pub(crate) struct Progress {
    total: u64,
    drawn: Option<Instant>,
    visible: bool,
}

impl Progress {
    /// Starts a bar for so many steps.
    pub(crate) fn new(total: u64) -> Self {
        Self {
            total: total.max(1),
            drawn: None,
            visible: io::stderr().is_terminal(),
        }
    }

    /// Shows how many steps are done, and a word about them.
    pub(crate) fn show(&mut self, done: u64, note: &str) {
        if !self.visible || self.drawn.is_some_and(|drawn| drawn.elapsed() < INTERVAL) {
            return;
        }
        self.drawn = Some(Instant::now());
        let filled = (done.min(self.total) * WIDTH / self.total) as usize;
        let bar = format!("{:<1$}", "#".repeat(filled), WIDTH as usize);
        let _nobody_looks = write!(
            io::stderr(),
            "\r\x1b[2K[{bar}] {done}/{} {note}",
            self.total
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _nobody_looks = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
