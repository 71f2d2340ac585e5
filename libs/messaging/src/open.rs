use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use model::{BoxError, Error, Result};
use proto::Event;
use tokio_util::sync::CancellationToken;

use crate::bucket::{self, FileBucket};
use crate::disk::directory::Lock;
use crate::log::{Log, Settings};
use crate::signals::LocalSignals;
use crate::{Bucket, Bus, Message, NatsTls, Signals, nats};

/// What kept data may take by default.
pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;

/// What an acknowledged record survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process: it is written to the operating system.
    #[default]
    Process,
    /// The loss of power: it is synced to the disk.
    Power,
}

/// Where the buses live and what they promise.
#[derive(Clone)]
pub struct Config {
    /// The NATS server to use; without one the buses live in this process.
    pub nats_url: Option<String>,
    /// The files for TLS to that server; with any of them there is no connection without TLS.
    pub nats_tls: NatsTls,
    /// The directory of the buses in this process.
    pub dir: PathBuf,
    /// What an acknowledged record survives.
    pub durability: Durability,
    /// How many bytes each bus keeps for consumers that have not acknowledged them yet.
    pub max_bytes: u64,
    /// Asserts that the NATS server syncs every write, which makes [`Durability::Power`] true there.
    pub nats_sync_always: bool,
    /// On how many servers of a NATS cluster each stream is kept when it is made.
    pub nats_replicas: usize,
}

impl Config {
    /// Makes the configuration of buses in this process that survive its end.
    pub fn in_process(dir: impl Into<PathBuf>) -> Self {
        Self {
            nats_url: None,
            nats_tls: NatsTls::default(),
            dir: dir.into(),
            durability: Durability::Process,
            max_bytes: DEFAULT_MAX_BYTES,
            nats_sync_always: false,
            nats_replicas: 1,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL can hold a password.
        f.debug_struct("Config")
            .field("nats", &self.nats_url.is_some())
            .field("nats_tls", &self.nats_tls)
            .field("dir", &self.dir)
            .field("durability", &self.durability)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// The buses and buckets of a process.
#[derive(Clone)]
pub struct Buses {
    /// What devices send.
    pub messages: Arc<dyn Bus<Message>>,
    /// What happens in the services.
    pub events: Arc<dyn Bus<Event>>,
    /// The persistent sessions of MQTT.
    pub sessions: Arc<dyn Bucket>,
    /// Their QoS 2 exchanges.
    pub exchanges: Arc<dyn Bucket>,
    /// The retained messages of MQTT.
    pub retained: Arc<dyn Bucket>,
    /// Which MQTT client has connected where.
    pub takeovers: Arc<dyn Signals>,
}

impl fmt::Debug for Buses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buses").finish_non_exhaustive()
    }
}

type Running = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// What has to run for the buses to work; the runtime of the process runs it.
#[must_use = "the buses stand still unless this runs"]
pub struct Driver(Box<dyn FnOnce(CancellationToken) -> Running + Send>);

impl Driver {
    pub(crate) fn new<F>(run: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self(Box::new(|stop| Box::pin(run(stop))))
    }

    /// Runs until `stop`; the buses can be used until they are dropped.
    ///
    /// # Errors
    /// When a bus has failed in a way that only a new process can mend.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        (self.0)(stop).await
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Opens the buses: on NATS when the configuration names a server, in this process when it does not.
///
/// # Errors
/// When the directory cannot be used or belongs to a running process, or the server cannot be reached or cannot keep
/// what the configuration promises; the message says what to do.
pub async fn open(config: &Config) -> Result<(Buses, Driver)> {
    if let Some(url) = &config.nats_url {
        return nats::open(url, config).await;
    }
    let config = config.clone();
    let opened = tokio::task::spawn_blocking(move || in_process(&config)).await;
    opened.unwrap_or_else(|_| Err(Error::internal()))
}

/// Looks whether the NATS server of a configuration, if it names one, does what the buses need; changes nothing there.
///
/// Returns what is known to be wrong with the version of a server that does.
///
/// # Errors
/// As [`open`].
pub async fn probe(config: &Config) -> Result<Option<&'static str>> {
    match &config.nats_url {
        Some(url) => nats::probe(url, config).await,
        None => Ok(None),
    }
}

fn in_process(config: &Config) -> Result<(Buses, Driver)> {
    let lock = Arc::new(Lock::take(&config.dir)?);
    let power = config.durability == Durability::Power;
    let settings = Settings {
        power,
        max_bytes: config.max_bytes,
    };
    let messages = Log::<Message>::open(&config.dir.join("messages"), lock.clone(), settings)?;
    let events = Log::<Event>::open(&config.dir.join("events"), lock.clone(), settings)?;
    let bucket = |name: &str| {
        let path = config.dir.join(name).with_extension("bucket");
        FileBucket::open(&path, lock.clone(), power, bucket::MAX_BYTES)
    };
    let (messages_ended, events_ended) = (messages.ended(), events.ended());
    let buses = Buses {
        messages: Arc::new(messages),
        events: Arc::new(events),
        sessions: Arc::new(bucket("sessions")?),
        exchanges: Arc::new(bucket("exchanges")?),
        retained: Arc::new(bucket("retained")?),
        takeovers: Arc::new(LocalSignals::default()),
    };
    let driver = Driver::new(move |stop| async move {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = messages_ended.cancelled() => Err("the log of messages has ended".into()),
            () = events_ended.cancelled() => Err("the log of events has ended".into()),
        }
    });
    Ok((buses, driver))
}
