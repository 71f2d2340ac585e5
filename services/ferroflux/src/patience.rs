//! What a process needs may come up after it: machines start in any order.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::complain;
use crate::settings::Settings;

/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Opens something, and tries again for as long as the settings say while it is only away.
///
/// # Errors
/// The last one, or the first that waiting does not mend.
pub(crate) async fn open<T, E: Display>(
    what: &str,
    settings: &Settings,
    away: impl Fn(&E) -> bool,
    attempt: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    let limit = settings.process.start_timeout.get();
    within(limit, PAUSE, what, away, attempt).await
}

async fn within<T, E: Display>(
    limit: Duration,
    pause: Duration,
    what: &str,
    away: impl Fn(&E) -> bool,
    attempt: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    let deadline = Instant::now() + limit;
    let mut told = false;
    loop {
        match attempt().await {
            Err(error) if away(&error) && Instant::now() + pause < deadline => {
                if !told {
                    complain(&format!(
                        "waiting up to {limit:?} for {what}, which cannot be reached: {error}"
                    ));
                }
                told = true;
                sleep(pause).await;
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Opens something whose first attempts fail, and returns the result with how many there were.
    async fn opened(
        failures: &[&'static str],
        limit: Duration,
    ) -> (Result<(), &'static str>, usize) {
        let attempts = Cell::new(0);
        let attempt = async || {
            let failure = failures.get(attempts.get());
            attempts.set(attempts.get() + 1);
            failure.map_or(Ok(()), |failure| Err(*failure))
        };
        let away = |error: &&str| *error == "away";
        let result = within(limit, Duration::from_millis(1), "it", away, attempt).await;
        (result, attempts.get())
    }

    #[tokio::test]
    async fn what_is_away_is_waited_for_and_what_is_wrong_is_not() {
        let long = Duration::from_secs(30);
        assert_eq!(opened(&["away", "away"], long).await, (Ok(()), 3));
        assert_eq!(opened(&["away", "wrong"], long).await, (Err("wrong"), 2));
        assert_eq!(opened(&["away"; 9], Duration::ZERO).await, (Err("away"), 1));
    }
}
