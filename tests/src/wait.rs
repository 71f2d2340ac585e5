use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::bail;

/// How long anything may take before a test gives up on it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Tries until there is a value, or fails after [`DEADLINE`] saying what was waited for.
///
/// # Errors
/// When the deadline passes.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(value) = attempt().await {
            return Ok(value);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("waited {} s in vain: {what}", DEADLINE.as_secs())
}
