use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::BoxError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::health::Checks;

/// How long the hard stop waits for tasks to be dropped, so that what they hold is closed.
const DROP_TIMEOUT: Duration = Duration::from_millis(500);

/// How a [`Runtime`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long requests and tasks may take to finish after a stop was asked for.
    pub shutdown_grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

/// The tasks of the process and the order in which they end; clones are handles to the same one.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// Soft stop: accept nothing new, finish what is under way.
    stop: CancellationToken,
    /// Hard stop: drop what is left.
    kill: CancellationToken,
    tracker: TaskTracker,
    state: Mutex<State>,
    checks: Checks,
}

#[derive(Default)]
struct State {
    next: u64,
    running: BTreeMap<u64, &'static str>,
    failure: Option<BoxError>,
    /// Listened to since before the start, so that none is missed.
    signals: Option<Signals>,
}

/// A task that ended although nobody asked it to, or with an error.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0} failed")]
    Error(&'static str, #[source] BoxError),
    #[error("{0} ended before it was told to")]
    Early(&'static str),
    #[error("{0} panicked")]
    Panic(&'static str),
}

impl Runtime {
    /// Makes a runtime without tasks.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            settings,
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            tracker: TaskTracker::new(),
            state: Mutex::default(),
            checks: Checks::default(),
        }))
    }

    /// Returns the token of the soft stop: when it is cancelled, accept nothing new and finish what is under way.
    ///
    /// Cancelling it stops the process as a signal would.
    pub fn stop(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// Runs a task that lasts as long as the process; ending before the stop, or with an error, ends the process.
    ///
    /// At the hard stop the task is dropped.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let number = self.0.started(name);
        let inner = Arc::clone(&self.0);
        self.0.tracker.spawn(async move {
            let task = AssertUnwindSafe(task).catch_unwind();
            let result = tokio::select! {
                result = task => result,
                () = inner.kill.cancelled() => Ok(Ok(())),
            };
            let failure = match result {
                Ok(Ok(())) if inner.stop.is_cancelled() => None,
                Ok(Ok(())) => Some(Failure::Early(name)),
                Ok(Err(error)) => Some(Failure::Error(name, error)),
                Err(_) => Some(Failure::Panic(name)),
            };
            inner.ended(number, failure);
        });
    }

    /// Lets the stop wait for a future that something else drives, such as a WebSocket after its upgrade.
    pub fn track<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.0.tracker.track_future(future)
    }

    /// Adds a check to readiness: `/health` and `/health/ready` fail while it does; the text is logged, not shown.
    pub fn check<F>(&self, name: &'static str, check: F)
    where
        F: Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    {
        self.0.checks.add(name, check);
    }

    pub(crate) fn checks(&self) -> &Checks {
        &self.0.checks
    }

    /// Does what has to be done before anything is served; nothing is returned when a signal came first.
    ///
    /// Without it the first process of a container could not be told to stop while it waits for its neighbours.
    pub async fn open<F: Future>(&self, opening: F) -> std::io::Result<Option<F::Output>> {
        let mut signals = Signals::listen()?;
        tokio::select! {
            opened = opening => {
                self.0.lock().signals = Some(signals);
                Ok(Some(opened))
            }
            name = signals.next() => {
                tracing::info!(signal = name, "stopping before the start");
                Ok(None)
            }
        }
    }

    /// Waits for SIGINT, SIGTERM, a cancelled [`Self::stop`] or a failed task, and ends everything.
    ///
    /// After the soft stop the tasks have the grace of the [`Settings`]; a second signal ends it at once. The
    /// error is that of the first task that failed.
    pub async fn wait(self) -> Result<(), BoxError> {
        let early = self.0.lock().signals.take();
        let mut signals = early.map_or_else(Signals::listen, Ok)?;
        tokio::select! {
            name = signals.next() => tracing::info!(signal = name, "stopping"),
            () = self.0.stop.cancelled() => {}
            () = crate::metrics::upkeep() => {}
        }
        let deadline = Instant::now() + self.0.settings.shutdown_grace;
        self.0.stop.cancel();
        self.0.tracker.close();
        tokio::select! {
            () = self.0.tracker.wait() => {}
            () = sleep_until(deadline) => {
                tracing::warn!(tasks = ?self.0.running(), "did not stop in time; cutting them off");
            }
            name = signals.next() => {
                tracing::warn!(signal = name, tasks = ?self.0.running(), "second signal; cutting off what is left");
            }
        }
        self.0.kill.cancel();
        let _ = timeout(DROP_TIMEOUT, self.0.tracker.wait()).await;
        match self.0.lock().failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

impl Inner {
    fn started(&self, name: &'static str) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let number = state.next;
        state.running.insert(number, name);
        number
    }

    fn ended(&self, number: u64, failure: Option<Failure>) {
        let mut state = self.lock();
        state.running.remove(&number);
        if let Some(failure) = failure {
            tracing::error!(error = &failure as &dyn std::error::Error, "a task failed");
            state.failure.get_or_insert_with(|| failure.into());
            self.stop.cancel();
        }
    }

    fn running(&self) -> Vec<&'static str> {
        self.lock().running.values().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        // It asks to read certificates again; where there are none it would end the process, as nobody would be listening.
        drop(signal(SignalKind::hangup())?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
