//! Runs what has to run beside the callers, all in the one future that the process gives a task.

use std::future::pending;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use model::{BoxError, Result};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::error::closed;
use super::link::Link;

/// How many pumps may wait to be taken over by the driver.
const BACKLOG: usize = 64;

type Pump = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Hands pumps to the driver.
#[derive(Clone, Debug)]
pub(super) struct Pumps(mpsc::Sender<Pump>);

/// Tells a pump that it is over, at the latest when dropped.
#[derive(Debug)]
pub(super) struct PumpGuard(AbortHandle);

impl PumpGuard {
    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for PumpGuard {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Pumps {
    /// Makes the sending end, and the receiving one for [`drive`].
    pub(super) fn new() -> (Self, mpsc::Receiver<Pump>) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        (Self(sender), receiver)
    }

    /// Runs a future until it ends or the guard is dropped; the handle given to it tells whether that has happened.
    pub(super) async fn run<F>(&self, pump: impl FnOnce(AbortHandle) -> F) -> Result<PumpGuard>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (handle, registration) = AbortHandle::new_pair();
        let guard = PumpGuard(handle.clone());
        let pump = Abortable::new(pump(handle), registration);
        self.start(async move { pump.await.unwrap_or(()) }).await?;
        Ok(guard)
    }

    /// Runs a future until it ends.
    pub(super) async fn start(
        &self,
        pump: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        self.0.send(Box::pin(pump)).await.map_err(|_| closed())
    }
}

/// Runs the pumps until `stop`, then lets what was written reach the server.
pub(super) async fn drive(
    link: Link,
    mut arriving: mpsc::Receiver<Pump>,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = link.ended() => return Err("the connection to NATS has ended for good".into()),
            Some(pump) = arriving.recv() => running.push(pump),
            () = next_end(&mut running) => {}
        }
    }
    drop(running);
    if link.is_connected() {
        drop(link.round_trip().await);
    }
    Ok(())
}

/// Waits until one pump has ended, for ever when there is none.
async fn next_end(running: &mut FuturesUnordered<Pump>) {
    if running.next().await.is_none() {
        pending::<()>().await;
    }
}
