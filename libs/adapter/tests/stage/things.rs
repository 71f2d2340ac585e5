use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use adapter::Fingerprint;
use async_trait::async_trait;
use model::{Action, ChannelId, Credentials, Error, ErrorKind, Result, Secret, ThingId, Timestamp};
use parking_lot::Mutex;
use proto::things::{CERTIFICATE_UNKNOWN, Changes, Things};
use proto::{Change, Event};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

/// A registry: what it knows changes with and without telling, and it can be slow or away.
pub(crate) struct FakeThings {
    pub(crate) state: Mutex<State>,
    /// Refuses everything, as a process that is not there.
    pub(crate) away: AtomicBool,
    /// How many questions have no answer, of those that waited for a permit.
    pub(crate) lost: AtomicUsize,
    /// Gives changes the time to overtake answers.
    pub(crate) slow: AtomicBool,
    /// Lets answers wait on their way, each for a permit of the gate.
    pub(crate) gated: AtomicBool,
    pub(crate) gate: Semaphore,
    /// How many questions came, those after changes aside.
    pub(crate) questions: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) keys: HashMap<String, ThingId>,
    pub(crate) certificates: HashMap<Fingerprint, ThingId>,
    pub(crate) connections: HashSet<(ThingId, ChannelId)>,
    pub(crate) default_channels: HashMap<ThingId, ChannelId>,
    /// The tokens of the owners of channels, and what these say about them.
    pub(crate) owners: HashMap<ChannelId, String>,
    pub(crate) metadata: HashMap<ChannelId, Map<String, Value>>,
    pub(crate) events: Vec<Event>,
    /// The number up to which events were trimmed.
    pub(crate) trimmed: u64,
    pub(crate) latest: u64,
}

impl FakeThings {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            away: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
            slow: AtomicBool::new(false),
            gated: AtomicBool::new(false),
            gate: Semaphore::new(0),
            questions: AtomicUsize::new(0),
        })
    }

    /// Makes a thing with a key, connected to a channel.
    pub(crate) fn connected(&self, key: &str) -> (ThingId, ChannelId) {
        let (thing, channel) = (ThingId::random(), ChannelId::random());
        let mut state = self.state.lock();
        state.keys.insert(key.to_owned(), thing);
        state.connections.insert((thing, channel));
        (thing, channel)
    }

    /// Takes a connection away; nobody is told.
    pub(crate) fn disconnect(&self, thing: ThingId, channel: ChannelId) -> Change {
        self.state.lock().connections.remove(&(thing, channel));
        Change::Disconnected {
            chan_id: channel,
            thing_id: thing,
        }
    }

    /// Writes an event into the outbox; whether it is published is the caller's choice.
    pub(crate) fn record(&self, change: Change) -> Event {
        let mut state = self.state.lock();
        state.latest += 1;
        let event = Event {
            source: "things".to_owned(),
            number: state.latest,
            at: Timestamp::now(),
            change,
        };
        state.events.push(event.clone());
        event
    }

    async fn answer<T>(&self, answer: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.present()?;
        let answer = answer(&self.state.lock());
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if self.gated.load(Ordering::SeqCst) {
            self.gate.acquire().await.unwrap().forget();
            self.present()?;
            let lost = |count: usize| count.checked_sub(1);
            let (set, get) = (Ordering::SeqCst, Ordering::SeqCst);
            if self.lost.fetch_update(set, get, lost).is_ok() {
                return Err(away());
            }
        }
        answer
    }

    fn present(&self) -> Result<()> {
        if self.away.load(Ordering::SeqCst) {
            return Err(away());
        }
        Ok(())
    }
}

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "things_away", "things are away")
}

#[async_trait]
impl Things for FakeThings {
    async fn authenticate(&self, credentials: &Credentials) -> Result<ThingId> {
        let refused = || {
            Error::new(
                ErrorKind::Unauthenticated,
                "credentials_wrong",
                "no thing has this key",
            )
        };
        self.answer(|state| {
            let thing = *state
                .keys
                .get(credentials.key().expose())
                .ok_or_else(refused)?;
            match credentials {
                Credentials::Pair(named, _) if *named != thing => Err(refused()),
                Credentials::Key(_) | Credentials::Pair(..) => Ok(thing),
            }
        })
        .await
    }

    async fn authenticate_certificate(
        &self,
        sha256: &[u8; 32],
        named: Option<ThingId>,
    ) -> Result<ThingId> {
        let refused = || {
            Error::new(
                ErrorKind::Unauthenticated,
                CERTIFICATE_UNKNOWN,
                "it is not registered",
            )
        };
        self.answer(|state| {
            state
                .certificates
                .get(&Fingerprint::from(*sha256))
                .copied()
                .or(named.filter(|named| state.keys.values().any(|thing| thing == named)))
                .ok_or_else(refused)
        })
        .await
    }

    async fn authorize_owner(&self, token: &Secret, channel: ChannelId) -> Result<()> {
        let refused = |kind| Error::new(kind, "not_the_owner", "it is somebody else's");
        self.answer(|state| {
            if !state.owners.values().any(|owner| owner == token.expose()) {
                return Err(refused(ErrorKind::Unauthenticated));
            }
            match state.owners.get(&channel) {
                Some(owner) if owner == token.expose() => Ok(()),
                _ => Err(refused(ErrorKind::Forbidden)),
            }
        })
        .await
    }

    async fn channel_metadata(&self, channel: ChannelId) -> Result<Map<String, Value>> {
        self.answer(|state| Ok(state.metadata.get(&channel).cloned().unwrap_or_default()))
            .await
    }

    async fn authorize(&self, thing: ThingId, channel: ChannelId, _: Action) -> Result<()> {
        let refused = || {
            Error::new(
                ErrorKind::Forbidden,
                "not_connected",
                "the thing is not connected to it",
            )
        };
        self.answer(|state| {
            state
                .connections
                .contains(&(thing, channel))
                .then_some(())
                .ok_or_else(refused)
        })
        .await
    }

    async fn default_channel(&self, thing: ThingId) -> Result<Option<ChannelId>> {
        self.answer(|state| Ok(state.default_channels.get(&thing).copied()))
            .await
    }

    async fn changes(&self, since: u64) -> Result<Changes> {
        self.present()?;
        let state = self.state.lock();
        // Two at a time, so that catching up takes several questions.
        let events = state
            .events
            .iter()
            .filter(|event| event.number > since)
            .take(2)
            .cloned()
            .collect();
        Ok(Changes {
            events,
            latest: state.latest,
            complete: since >= state.trimmed,
        })
    }
}
