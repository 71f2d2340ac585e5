//! Signals go to the whole process, so each of these runs by itself: one test, in one binary.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::future::pending;
use std::process::{self, Command};
use std::time::Duration;

use server::{Runtime, Settings};

fn raise(signal: &str) {
    let status = Command::new("kill")
        .args([signal, &process::id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_signal_drains_and_a_second_one_ends_at_once() {
    let hour = Duration::from_secs(3600);
    for signal in ["-TERM", "-INT"] {
        let runtime = Runtime::new(Settings {
            shutdown_grace: hour,
        });
        let stop = runtime.stop();
        runtime.spawn("polite", async move {
            stop.cancelled().await;
            Ok(())
        });
        // The first poll of wait installs the handlers; only then the signal is raised.
        let signals = async {
            // Left to itself, it would end the process.
            raise("-HUP");
            raise(signal);
        };
        let (result, ()) = tokio::join!(biased; runtime.wait(), signals);
        result.unwrap();
    }

    let runtime = Runtime::new(Settings {
        shutdown_grace: hour,
    });
    let stop = runtime.stop();
    runtime.spawn("stubborn", pending());
    let twice = async {
        raise("-TERM");
        stop.cancelled().await;
        raise("-INT");
    };
    let (result, ()) = tokio::join!(biased; runtime.wait(), twice);
    result.unwrap();

    // A signal ends a start that waits for something, and one that comes right after the start is not lost.
    let runtime = Runtime::new(Settings::default());
    let waiting = async {
        raise("-TERM");
        pending::<()>().await;
    };
    assert_eq!(runtime.open(waiting).await.unwrap(), None);
    let runtime = Runtime::new(Settings::default());
    assert_eq!(runtime.open(async { 7 }).await.unwrap(), Some(7));
    raise("-INT");
    runtime.wait().await.unwrap();
}
