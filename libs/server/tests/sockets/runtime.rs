use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use server::{Limits, Listener, Runtime, Settings};

use crate::soon;

#[tokio::test]
async fn a_task_that_fails_takes_the_process_down_with_its_name_and_cause() {
    let runtime = Runtime::new(Settings::default());
    let stop = runtime.stop();
    runtime.spawn("relay", async { Err("no database".into()) });
    runtime.spawn("other", async move {
        stop.cancelled().await;
        Ok(())
    });
    let error = soon(runtime.wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "relay failed");
    assert_eq!(error.source().unwrap().to_string(), "no database");
}

#[tokio::test]
async fn ending_early_and_panicking_are_failures_too() {
    let runtime = Runtime::new(Settings::default());
    runtime.spawn("relay", async { Ok(()) });
    let error = soon(runtime.wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "relay ended before it was told to");

    let runtime = Runtime::new(Settings::default());
    runtime.spawn("relay", async { panic!("on purpose") });
    let error = soon(runtime.wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "relay panicked");
}

#[tokio::test]
async fn what_does_not_stop_is_dropped_at_the_deadline() {
    let runtime = Runtime::new(Settings {
        shutdown_grace: Duration::from_millis(10),
    });
    let (held, released) = tokio::sync::oneshot::channel::<()>();
    runtime.spawn("stubborn", async move {
        let _held = held;
        pending().await
    });
    runtime.stop().cancel();
    soon(runtime.wait()).await.unwrap();
    soon(released).await.unwrap_err();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let first = Listener::bind(any, Limits::default()).await.unwrap();
    let addr = first.local_addr();
    assert_ne!(addr.port(), 0);
    let Err(error) = Listener::bind(addr, Limits::default()).await else {
        panic!("bound twice");
    };
    let text = error.to_string();
    assert!(
        text.contains(&addr.to_string()) && text.contains("another one"),
        "{text}"
    );
}
