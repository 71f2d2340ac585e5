use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use messaging::{Bus, Message, Signals};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::Access;
use crate::config::Config;
use crate::failures::Failures;
use crate::interest::Interests;
use crate::mailbox::Mailbox;
use crate::pressure::Pressure;
use crate::rate::{Rates, ThingLimits};
use crate::registry::{Registry, SessionLimits};
use crate::retention::Retention;
use crate::store::Store;

/// What all shards of an engine share.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) bus: Arc<dyn Bus<Message>>,
    pub(crate) store: Store,
    pub(crate) retention: Retention,
    pub(crate) registry: Registry,
    /// Where the nodes tell each other who has connected.
    pub(crate) takeovers: Arc<dyn Signals>,
    pub(crate) rates: Rates,
    pub(crate) failures: Failures,
    pub(crate) interests: Arc<Interests>,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) pressure: Arc<Pressure>,
    /// Tells this node from all others: marks what was published here, which comes back from the bus and has been delivered by
    /// then, and the sessions that are here.
    pub(crate) origin: Uuid,
    pub(crate) stop: CancellationToken,
    connections: AtomicUsize,
}

/// The parts a [`Node`] is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) access: Arc<dyn Access>,
    pub(crate) bus: Arc<dyn Bus<Message>>,
    pub(crate) store: Store,
    pub(crate) retention: Retention,
    pub(crate) takeovers: Arc<dyn Signals>,
    pub(crate) interests: Arc<Interests>,
    pub(crate) shards: usize,
    pub(crate) origin: Uuid,
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Self {
        let limits = SessionLimits {
            total: parts.config.max_sessions,
            per_thing: parts.config.max_sessions_per_thing,
        };
        let rates = ThingLimits {
            connects: parts.config.max_connects_per_thing,
            messages: parts.config.max_messages_per_thing,
            bytes: parts.config.max_bytes_per_thing,
        };
        Self {
            rates: Rates::new(rates),
            failures: Failures::new(parts.config.max_failures_per_address),
            config: parts.config,
            access: parts.access,
            bus: parts.bus,
            store: parts.store,
            retention: parts.retention,
            takeovers: parts.takeovers,
            registry: Registry::new(limits),
            interests: parts.interests,
            mailboxes: (0..parts.shards).map(|_| Mailbox::default()).collect(),
            pressure: Arc::default(),
            origin: parts.origin,
            stop: CancellationToken::new(),
            connections: AtomicUsize::new(0),
        }
    }

    /// Counts one more connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Entrance {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        Entrance {
            node: self.clone(),
            number: before + 1,
        }
    }
}

/// A connection that is counted until this is dropped.
pub(crate) struct Entrance {
    node: Arc<Node>,
    number: usize,
}

impl Entrance {
    /// Tells whether the node serves so many.
    pub(crate) fn is_admitted(&self) -> bool {
        self.number <= self.node.config.max_connections
    }

    /// Tells whether there are so many that not even a refusal can be afforded.
    pub(crate) fn is_hopeless(&self) -> bool {
        let max = self.node.config.max_connections;
        self.number > max + max / 8 + 64
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.node.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
