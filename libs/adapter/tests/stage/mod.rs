//! The stage of the tests of all adapters: a registry that does as it is told, real buses, and an adapter over both.

mod things;

use std::sync::Arc;
use std::time::Duration;

use adapter::{Adapter, Settings};
use config::Period;
use messaging::Buses;
use proto::Change;
use proto::things::Things;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use things::FakeThings;

/// How long anything may take.
const LONG: Duration = Duration::from_secs(10);

/// Buses in a directory that is gone with the test, the registry, and an adapter over both.
pub(crate) struct Stage {
    pub(crate) things: Arc<FakeThings>,
    pub(crate) buses: Buses,
    pub(crate) adapter: Adapter,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// Sets a stage whose adapter follows the registry.
    pub(crate) async fn new() -> Self {
        let mut stage = Self::idle(Settings::default()).await;
        stage.follow().await;
        stage
    }

    /// Sets a stage whose adapter hears of no change before [`Self::follow`].
    pub(crate) async fn idle(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (buses, driver) = messaging::open(&messaging::Config::in_process(dir.path()))
            .await
            .unwrap();
        let things = FakeThings::new();
        let settings = Settings {
            changes_interval: Period::millis(50),
            ..settings
        };
        let adapter = Adapter::new(
            &settings,
            Arc::clone(&things) as Arc<dyn Things>,
            &buses,
            Uuid::new_v4(),
        );
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let running = driver.run(stop.clone());
        tasks.spawn(async move { running.await.unwrap() });
        Self {
            things,
            buses,
            adapter,
            stop,
            tasks,
            _dir: dir,
        }
    }

    /// Lets the adapter follow the registry, and waits until it does.
    pub(crate) async fn follow(&mut self) {
        let running = self.adapter.clone().run(self.stop.clone());
        self.tasks.spawn(async move { running.await.unwrap() });
        let adapter = self.adapter.clone();
        let ready = async {
            while adapter.ready().await.is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, ready).await.unwrap();
    }

    /// Tells of a change of the registry, as its outbox does.
    pub(crate) async fn publish(&self, change: Change) {
        let event = self.things.record(change);
        self.buses.events.publish(Arc::new(event)).await.unwrap();
    }
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(LONG, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}, within {LONG:?}");
}
