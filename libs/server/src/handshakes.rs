//! Threads for handshakes, one of which costs as much as a thousand messages.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// What the threads add to their nice value: of a busy core the others get nine tenths.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .thread_name("handshakes")
        .enable_time()
        .on_thread_start(give_way)
        .build()
        .inspect_err(|error| tracing::warn!(%error, "handshakes get no threads of their own"))
        .ok()
});

/// Returns where handshakes run: a storm of devices that connect must not keep those waiting that are connected.
pub(crate) fn runtime() -> Handle {
    let own = RUNTIME.as_ref();
    own.map_or_else(Handle::current, |runtime| runtime.handle().clone())
}

/// Has the kernel let all other threads go first.
fn give_way() {
    // On Linux a nice value is of a thread, elsewhere of the process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the priority of handshakes cannot be lowered");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::nice;

    #[tokio::test]
    async fn they_give_way_to_all_others() {
        let there = super::runtime().spawn(async { nice(0) }).await.unwrap();
        // There is none beyond 19.
        let lower = (nice(0).unwrap() + super::NICENESS).min(19);
        assert_eq!(there.unwrap(), lower);
    }
}
