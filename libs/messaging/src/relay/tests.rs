use async_trait::async_trait;
use model::{Error, ErrorKind, UserId};
use parking_lot::Mutex;
use proto::Change;
use storage::Settings;

use super::*;
use crate::live::LiveSender;
use crate::{AllEvents, Consumer, LiveGuard, Seq};

/// A bus that keeps what is published, and fails as often as it is told to.
#[derive(Default)]
struct Recorder {
    numbers: Mutex<Vec<u64>>,
    failures: Mutex<u32>,
}

#[async_trait]
impl Bus<Event> for Recorder {
    async fn publish(&self, event: Arc<Event>) -> model::Result<Seq> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(Error::new(
                ErrorKind::Unavailable,
                "bus_unavailable",
                "down for the test",
            ));
        }
        self.numbers.lock().push(event.number);
        Ok(Seq(event.number))
    }

    fn send(&self, _: Arc<Event>) {}

    async fn live(&self, _: AllEvents, _: &LiveSender<Event>) -> model::Result<LiveGuard> {
        Ok(LiveGuard::new(()))
    }

    async fn consumer(&self, _: &str, _: AllEvents) -> model::Result<Box<dyn Consumer<Event>>> {
        Err(Error::internal())
    }

    async fn shared(&self, _: &str, _: AllEvents) -> model::Result<Box<dyn Consumer<Event>>> {
        Err(Error::internal())
    }

    async fn forget(&self, _: &str) -> model::Result<()> {
        Ok(())
    }

    async fn ready(&self) -> model::Result<()> {
        Ok(())
    }
}

async fn outbox_with(events: u64) -> Db {
    let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
    db.migrate(&[outbox::migration(1)]).await.unwrap();
    add(&db, events).await;
    db
}

async fn add(db: &Db, events: u64) {
    let tx = db.begin().await.unwrap();
    for _ in 0..events {
        let at = Timestamp::now();
        let change = Change::UserRemoved {
            id: UserId::random(),
        };
        let json = |number| {
            serde_json::to_string(&Event {
                source: "users".to_owned(),
                number,
                at,
                change,
            })
            .unwrap()
        };
        outbox::add(&tx, at, json).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Runs a relay until the bus has seen this many events.
async fn run_until(db: &Db, bus: &Arc<Recorder>, wake: &Arc<Notify>, count: usize) {
    let stop = CancellationToken::new();
    let relay = relay(db.clone(), "users", bus.clone(), wake.clone(), stop.clone());
    let seen = async {
        while bus.numbers.lock().len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // What was published is marked before the relay rests.
        while !outbox::pending(db, 1).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
    };
    let both = async { tokio::join!(relay, seen) };
    timeout(Duration::from_secs(20), both)
        .await
        .unwrap()
        .0
        .unwrap();
}

#[tokio::test]
async fn events_are_published_once_and_in_order_across_restarts() {
    let (db, bus, wake) = (outbox_with(250).await, Arc::default(), Arc::default());
    run_until(&db, &bus, &wake, 250).await;
    add(&db, 3).await;
    run_until(&db, &bus, &wake, 253).await;
    assert_eq!(*bus.numbers.lock(), (1..=253).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failing_bus_loses_nothing_and_keeps_the_order() {
    let (db, bus, wake) = (
        outbox_with(5).await,
        Arc::<Recorder>::default(),
        Arc::default(),
    );
    *bus.failures.lock() = 2;
    run_until(&db, &bus, &wake, 5).await;
    assert_eq!(*bus.numbers.lock(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn one_event_that_cannot_be_read_does_not_hold_back_the_rest() {
    let (db, bus, wake) = (
        outbox_with(1).await,
        Arc::<Recorder>::default(),
        Arc::default(),
    );
    let tx = db.begin().await.unwrap();
    outbox::add(&tx, Timestamp::now(), |_| "{}".to_owned())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    add(&db, 1).await;
    run_until(&db, &bus, &wake, 2).await;
    assert_eq!(*bus.numbers.lock(), [1, 3]);
}

#[tokio::test]
async fn two_relays_do_not_publish_the_same_event() {
    let (db, bus, wake) = (
        outbox_with(50).await,
        Arc::<Recorder>::default(),
        Arc::<Notify>::default(),
    );
    let stop = CancellationToken::new();
    let other = relay(db.clone(), "users", bus.clone(), wake.clone(), stop.clone());
    let first = async {
        run_until(&db, &bus, &wake, 50).await;
        stop.cancel();
    };
    let _both = tokio::join!(other, first);
    assert_eq!(*bus.numbers.lock(), (1..=50).collect::<Vec<_>>());
}

/// A bus in process whose first publisher is stopped before it learns that the event was accepted.
struct Interrupting {
    inner: Arc<dyn Bus<Event>>,
    stop: CancellationToken,
}

#[async_trait]
impl Bus<Event> for Interrupting {
    async fn publish(&self, event: Arc<Event>) -> model::Result<Seq> {
        self.inner.publish(event).await?;
        self.stop.cancel();
        std::future::pending().await
    }

    fn send(&self, event: Arc<Event>) {
        self.inner.send(event);
    }

    async fn live(&self, all: AllEvents, queue: &LiveSender<Event>) -> model::Result<LiveGuard> {
        self.inner.live(all, queue).await
    }

    async fn consumer(
        &self,
        name: &str,
        all: AllEvents,
    ) -> model::Result<Box<dyn Consumer<Event>>> {
        self.inner.consumer(name, all).await
    }

    async fn shared(&self, name: &str, all: AllEvents) -> model::Result<Box<dyn Consumer<Event>>> {
        self.inner.shared(name, all).await
    }

    async fn forget(&self, name: &str) -> model::Result<()> {
        self.inner.forget(name).await
    }

    async fn ready(&self) -> model::Result<()> {
        self.inner.ready().await
    }
}

#[tokio::test]
async fn nothing_is_lost_when_stopped_between_publishing_and_marking() {
    let dir = tempfile::tempdir().unwrap();
    let (buses, _driver) = crate::open(&crate::Config::in_process(dir.path()))
        .await
        .unwrap();
    let mut consumer = buses.events.consumer("c", AllEvents).await.unwrap();
    let (db, wake) = (outbox_with(3).await, Arc::<Notify>::default());
    let stop = CancellationToken::new();
    let interrupting = Arc::new(Interrupting {
        inner: buses.events.clone(),
        stop: stop.clone(),
    });
    let interrupted = relay(db.clone(), "users", interrupting, wake.clone(), stop);
    timeout(Duration::from_secs(20), interrupted)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(outbox::pending(&db, 10).await.unwrap().len(), 3);

    let stop = CancellationToken::new();
    let again = relay(db, "users", buses.events.clone(), wake, stop.clone());
    let consumed = async {
        let mut numbers = Vec::new();
        while numbers.len() < 4 {
            numbers.push(consumer.next().await.unwrap().record.number);
        }
        stop.cancel();
        numbers
    };
    let both = async { tokio::join!(again, consumed) };
    let (_, numbers) = timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(numbers, [1, 1, 2, 3]);
}
