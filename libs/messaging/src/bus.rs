use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::Result;

use crate::Record;
use crate::live::LiveSender;

/// The place of a record in its stream: later ones are greater, gaps are possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// A stream of records, live and kept.
///
/// Live queues get what is published while they are there. Consumers get every record published since
/// they were first opened, across restarts, at least once, in order, until they acknowledge it. A record stays
/// until every consumer it concerns has acknowledged it; one that concerns none is not kept. When what
/// is kept reaches the configured size, [`Bus::publish`] refuses rather than drop something acknowledged.
#[async_trait]
pub trait Bus<T: Record>: Send + Sync {
    /// Publishes a record and returns when it is as durable as configured; live queues get it after that.
    ///
    /// A record that concerns no consumer is not kept and has the place of the one before it. Records are kept in the
    /// order in which their futures are first polled. One that is published again with its id because the process ended
    /// before there was an answer is kept once; NATS knows it for the half minute of its stream's duplicate window.
    ///
    /// # Errors
    /// `Exhausted` when the bus is full: then nothing was accepted. `Unavailable` when it does not answer in time, which may be
    /// after it has accepted the record.
    async fn publish(&self, record: Arc<T>) -> Result<Seq>;

    /// Publishes a record without waiting: live queues get it at once, the stream soon after.
    ///
    /// When the bus is full or away the record is dropped and counted; nobody was promised anything.
    fn send(&self, record: Arc<T>);

    /// Adds what the filter chooses to a live queue, from when this returns until the guard is dropped.
    async fn live(&self, filter: T::Filter, queue: &LiveSender<T>) -> Result<LiveGuard>;

    /// Opens a durable consumer, and makes it when there is none of this name: then it starts with the next record.
    ///
    /// What was delivered and not acknowledged before comes again, at once and in order. The one opened last owns
    /// the name: an older [`Consumer`] of it ends with `Conflict`. The filter must be that of the first time.
    async fn consumer(&self, name: &str, filter: T::Filter) -> Result<Box<dyn Consumer<T>>>;

    /// Opens a durable consumer that others may have open too, on every node: each record goes to one of them.
    ///
    /// What one of them has not acknowledged when it is dropped, or when its node is gone, goes to another, and may have to be
    /// waited for a moment then. The name is not that of a [`Self::consumer`].
    async fn shared(&self, name: &str, filter: T::Filter) -> Result<Box<dyn Consumer<T>>>;

    /// Removes a durable consumer and its claim on what is kept; one that does not exist is no error.
    async fn forget(&self, name: &str) -> Result<()>;

    /// Succeeds when the bus can accept records now.
    async fn ready(&self) -> Result<()>;
}

/// One reader of what is kept; dropping it keeps its place.
#[async_trait]
pub trait Consumer<T: Record>: Send {
    /// Waits for the next record. Dropping the future loses nothing.
    ///
    /// # Errors
    /// `Conflict` when the name was opened elsewhere, `Unavailable` when the bus is gone for good.
    async fn next(&mut self) -> Result<Delivery<T>>;

    /// Notes that a delivery is done with; deliveries may be acknowledged in any order.
    fn ack(&mut self, seq: Seq);
}

/// A record as a consumer gets it.
#[derive(Clone, Debug)]
pub struct Delivery<T> {
    /// What to acknowledge.
    pub seq: Seq,
    /// The record.
    pub record: Arc<T>,
}

/// Keeps a live queue subscribed; dropping it ends that.
#[must_use = "the queue gets nothing more once this is dropped"]
pub struct LiveGuard(#[expect(dead_code, reason = "held for its Drop")] Box<dyn Send + Sync>);

impl LiveGuard {
    pub(crate) fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

/// A small durable map that all nodes share, such as the retained messages or the MQTT sessions.
///
/// Keys are 1 to 256 bytes of ASCII letters, digits, `-`, `_`, `=`, `/` and `.` with no `.` at either end or twice in a row.
#[async_trait]
pub trait Bucket: Send + Sync {
    /// Returns the value of a key.
    async fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// Sets a key and returns when it is durable.
    async fn put(&self, key: &str, value: Bytes) -> Result<()>;

    /// Removes a key and returns when that is durable; one that is not there is no error.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Streams all there is, then [`Entry::Current`] once, then every change on any node as it happens.
    ///
    /// The stream ends when its reader falls far behind, or with the bus; who still wants it watches again.
    async fn watch(&self) -> Result<tokio::sync::mpsc::Receiver<Entry>>;
}

/// Short notices among all nodes that nobody keeps: who does not listen at that moment, or is far behind, misses them.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Sends a notice without waiting; while the bus is away it is dropped.
    fn send(&self, notice: Bytes);

    /// Streams what any node sends from when this returns, this one included.
    async fn listen(&self) -> Result<tokio::sync::mpsc::Receiver<Bytes>>;
}

/// An item of [`Bucket::watch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The key has this value.
    Put(String, Bytes),
    /// The key is gone.
    Deleted(String),
    /// All that was there at the beginning has been streamed.
    Current,
}
