//! A registry that does as it is told, and real buses around it.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test binary uses a part of it")]

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use adapter::{Adapter, Fingerprint, NewSession, Session, Settings};
use async_trait::async_trait;
use messaging::{Buses, Protocol};
use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, Secret, ThingId, Timestamp};
use parking_lot::Mutex;
use proto::things::{Changes, Things};
use proto::{Change, Event};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The registry: what it knows can be changed with and without telling, and it can be slow or away.
pub struct FakeThings {
    state: Mutex<State>,
    /// Answers are computed, and then wait for a permit of this.
    pub gate: Semaphore,
    pub gated: AtomicBool,
    pub down: AtomicBool,
    pub calls: AtomicUsize,
    pub waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    keys: HashMap<String, ThingId>,
    certificates: HashMap<Fingerprint, ThingId>,
    connections: HashSet<(ThingId, ChannelId)>,
    events: Vec<Event>,
    forgotten: u64,
    latest: u64,
}

impl FakeThings {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            gate: Semaphore::new(0),
            gated: AtomicBool::new(false),
            down: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Makes a thing with a key, connected to a new channel.
    pub fn connected(&self, key: &str) -> (ThingId, ChannelId) {
        let (thing, channel) = (ThingId::random(), ChannelId::random());
        self.set_key(thing, key);
        self.connect(thing, channel);
        (thing, channel)
    }

    pub fn set_key(&self, thing: ThingId, key: &str) {
        let mut state = self.state.lock();
        state.keys.retain(|_, owner| *owner != thing);
        state.keys.insert(key.to_owned(), thing);
    }

    pub fn remove(&self, thing: ThingId) {
        let mut state = self.state.lock();
        state.keys.retain(|_, owner| *owner != thing);
        state.connections.retain(|(owner, _)| *owner != thing);
    }

    pub fn set_certificate(&self, certificate: Fingerprint, thing: Option<ThingId>) {
        let mut state = self.state.lock();
        match thing {
            Some(thing) => state.certificates.insert(certificate, thing),
            None => state.certificates.remove(&certificate),
        };
    }

    pub fn connect(&self, thing: ThingId, channel: ChannelId) {
        self.state.lock().connections.insert((thing, channel));
    }

    pub fn disconnect(&self, thing: ThingId, channel: ChannelId) {
        self.state.lock().connections.remove(&(thing, channel));
    }

    /// Writes an event into the outbox; whoever calls this decides whether it is published.
    pub fn record(&self, change: Change) -> Event {
        let mut state = self.state.lock();
        state.latest += 1;
        let event = Event { source: "things".to_owned(), number: state.latest, at: Timestamp::now(), change };
        state.events.push(event.clone());
        event
    }

    /// Trims the outbox: what there was can no longer be told.
    pub fn forget_events(&self) {
        let mut state = self.state.lock();
        state.forgotten = state.latest;
        state.events.clear();
    }

    /// Begins a new outbox, as after a backup was restored.
    pub fn restore(&self) {
        let mut state = self.state.lock();
        (state.forgotten, state.latest) = (0, 0);
        state.events.clear();
    }

    async fn answer<T>(&self, answer: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "things_unavailable", "things are away"));
        }
        let answer = answer(&self.state.lock());
        if self.gated.load(Ordering::SeqCst) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let permit = self.gate.acquire().await;
            permit.map_err(|_| Error::internal())?.forget();
        }
        answer
    }
}

#[async_trait]
impl Things for FakeThings {
    async fn authenticate(&self, credentials: &Credentials) -> Result<ThingId> {
        let refused = || Error::new(ErrorKind::Unauthenticated, "credentials_wrong", "no thing has this key");
        self.answer(|state| {
            let thing = *state.keys.get(credentials.key().expose()).ok_or_else(refused)?;
            match credentials {
                Credentials::Pair(named, _) if *named != thing => Err(refused()),
                Credentials::Key(_) | Credentials::Pair(..) => Ok(thing),
            }
        })
        .await
    }

    async fn authenticate_certificate(&self, sha256: &[u8; 32]) -> Result<ThingId> {
        let refused = || Error::new(ErrorKind::Unauthenticated, "certificate_unknown", "it is not registered");
        self.answer(|state| state.certificates.get(&Fingerprint::from(*sha256)).copied().ok_or_else(refused)).await
    }

    async fn authorize(&self, thing: ThingId, channel: ChannelId, _: Action) -> Result<()> {
        let refused = || Error::new(ErrorKind::Forbidden, "not_connected", "the thing is not connected to it");
        self.answer(|state| state.connections.contains(&(thing, channel)).then_some(()).ok_or_else(refused)).await
    }

    async fn changes(&self, since: u64) -> Result<Changes> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "things_unavailable", "things are away"));
        }
        let state = self.state.lock();
        // Two at a time, so that catching up takes several questions.
        let events = state.events.iter().filter(|event| event.number > since).take(2).cloned().collect();
        Ok(Changes { events, latest: state.latest, complete: since >= state.forgotten })
    }
}

/// Buses in a directory that is gone with the test, the registry, and an adapter over both.
pub struct Stage {
    pub things: Arc<FakeThings>,
    pub buses: Buses,
    pub adapter: Adapter,
    pub stop: CancellationToken,
    tasks: JoinSet<()>,
    _dir: tempfile::TempDir,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(Settings { changes_interval: config::Period::millis(50), ..Settings::default() }).await
    }

    /// Sets the stage; the adapter does not follow events before [`Self::follow`].
    pub async fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (buses, driver) = messaging::open(&messaging::Config::in_process(dir.path())).await.unwrap();
        let things = FakeThings::new();
        let adapter = Adapter::new(&settings, Arc::clone(&things) as Arc<dyn Things>, &buses, Uuid::new_v4());
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        tasks.spawn({
            let stop = stop.clone();
            async move { driver.run(stop).await.unwrap() }
        });
        Self { things, buses, adapter, stop, tasks, _dir: dir }
    }

    /// Lets the adapter follow events, and waits until it knows where it stands.
    pub async fn follow(&mut self) {
        let (adapter, stop) = (self.adapter.clone(), self.stop.clone());
        self.tasks.spawn(async move { adapter.run(stop).await.unwrap() });
        while self.adapter.ready().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Changes the registry as seen from outside: the event is recorded and published.
    pub async fn publish(&self, change: Change) {
        let event = self.things.record(change);
        self.buses.events.publish(Arc::new(event)).await.unwrap();
    }

    pub async fn session(&self, key: &str, channel: Option<ChannelId>) -> Result<Session> {
        self.adapter.session(new_session(key, channel)).await
    }
}

pub fn new_session(key: &str, channel: Option<ChannelId>) -> NewSession {
    NewSession { credentials: Some(self::key(key)), certificate: None, channel, protocol: Protocol::Ws }
}

pub fn key(key: &str) -> Credentials {
    Credentials::Key(Secret::from(key))
}

/// Waits until something holds, for at most ten seconds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_some(), "{what} within ten seconds");
}

/// Waits for something, for at most ten seconds.
pub async fn within<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(10), future).await.ok()
}
