//! The two places where buses live.

use std::time::Duration;

use messaging::{Buses, Config};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// How much each bus of the tests keeps.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// Waits for something that has to happen soon.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future)
        .await
        .expect("it does not happen in time")
}

/// What outlives a process that uses the buses.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) server: Option<Server>,
}

impl World {
    pub(crate) fn in_process() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            server: None,
        }
    }

    /// Returns a world with a NATS server of its own, when tests on NATS are wanted.
    pub(crate) async fn on_nats() -> Option<Self> {
        Some(Self::on(Server::start(&["-js"]).await?))
    }

    pub(crate) fn on(server: Server) -> Self {
        Self {
            server: Some(server),
            ..Self::in_process()
        }
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            nats_url: self.server.as_ref().map(Server::url),
            max_bytes: MAX_BYTES,
            ..Config::in_process(self.dir.path())
        }
    }

    /// Opens the buses as a process does when it starts.
    pub(crate) async fn open(&self) -> Process {
        Self::open_with(&self.config()).await
    }

    /// Kills the server and starts it with other arguments on the same address.
    pub(crate) async fn restart_with(&mut self, arguments: &[&str]) {
        let server = self.server.as_mut().unwrap();
        server.kill();
        server.set_arguments(arguments);
        server.restart().await;
    }

    /// Opens the buses of another configuration.
    pub(crate) async fn open_with(config: &Config) -> Process {
        let (buses, driver) = messaging::open(config).await.unwrap();
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        let run = driver.run(stop.clone());
        running.spawn(async move { run.await.unwrap() });
        Process {
            buses,
            stop,
            running,
        }
    }
}

/// The buses as one process has them.
pub(crate) struct Process {
    pub(crate) buses: Buses,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Process {
    /// Stops as a process does that is asked to.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        within(self.running.join_next()).await.unwrap().unwrap();
    }
}
