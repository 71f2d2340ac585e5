mod known;
mod nodes;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging::{Bucket, Bus, Buses, Entry, Message};
use model::{ChannelId, Result, Timestamp};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

use crate::key::ClientKey;
use crate::queue::group_name;
use crate::session::{Exchanges, Session, Subscriptions};
use crate::topic::TopicFilter;

pub(crate) use known::Membership;
use known::{Here, Known};
pub(crate) use nodes::Orphan;
use stored::Stored;

/// How often a session that is online is stored again, which shows other nodes that it is in use.
pub(crate) const REFRESH: Duration = Duration::from_secs(10 * 60);

/// How long it takes until a watch that has ended is begun again.
const WATCH_AGAIN: Duration = Duration::from_millis(200);

/// The persistent sessions that survive the process: who they belong to, what they subscribe to and how long they last.
pub(crate) struct Store {
    bucket: Arc<dyn Bucket>,
    /// The QoS 2 exchanges of the sessions, which change far more often.
    exchanges: Arc<dyn Bucket>,
    bus: Arc<dyn Bus<Message>>,
    known: Mutex<Known>,
    here: Here,
    /// This node.
    node: Uuid,
}

/// What is to be stored of a session.
pub(crate) struct Snapshot {
    key: String,
    value: Bytes,
}

impl Snapshot {
    /// Takes it of a session at this node, whether its client is connected or not.
    pub(crate) fn of(session: &mut Session, online: bool, node: Uuid) -> Result<Self> {
        let stored = Stored::of(session, online, node);
        session.saved = stored.saved;
        let value = serde_json::to_vec(&stored).map_err(|_| model::Error::internal())?;
        Ok(Self {
            key: session.key.bucket_key(),
            value: value.into(),
        })
    }
}

impl Store {
    /// Makes the store, filled with what the bucket has; the rest of the reports is for [`Self::follow`].
    pub(crate) async fn open(buses: &Buses, node: Uuid) -> Result<(Self, mpsc::Receiver<Entry>)> {
        let bucket = buses.sessions.clone();
        let mut reports = bucket.watch().await?;
        let known = fill(&mut reports).await;
        let this = Self {
            bucket,
            exchanges: buses.exchanges.clone(),
            bus: buses.messages.clone(),
            known: Mutex::new(known),
            here: Here::default(),
            node,
        };
        this.beat().await?;
        Ok((this, reports))
    }

    /// Applies the reports of the bucket for ever.
    pub(crate) async fn follow(&self, mut reports: mpsc::Receiver<Entry>) {
        loop {
            while let Some(entry) = reports.recv().await {
                apply(&mut self.known.lock(), entry);
            }
            reports = watch_again(self.bucket.as_ref()).await;
            *self.known.lock() = fill(&mut reports).await;
        }
    }

    /// Returns the stored session of a client; one that has expired does not count.
    pub(crate) async fn load(&self, key: &ClientKey) -> Result<Option<Session>> {
        let stored = self.get(key).await?;
        let valid = stored
            .filter(|stored| stored.outlives_connection() && !stored.is_expired(Timestamp::now()));
        match valid {
            Some(stored) => Ok(Some(self.restore(&stored).await?)),
            None => Ok(None),
        }
    }

    async fn restore(&self, stored: &Stored) -> Result<Session> {
        let mut session = stored.to_session();
        let exchanges = self.exchanges.get(&session.key.bucket_key()).await?;
        if let Some(bytes) = exchanges {
            match serde_json::from_slice(&bytes) {
                Ok(exchanges) => session.take_up(exchanges),
                Err(error) => {
                    tracing::warn!(%error, session = ?session.key, "the exchanges of a session cannot be read");
                }
            }
        }
        Ok(session)
    }

    /// Stores the QoS 2 exchanges of a session.
    pub(crate) async fn put_exchanges(&self, key: &ClientKey, exchanges: &Exchanges) -> Result<()> {
        let value = serde_json::to_vec(exchanges).map_err(|_| model::Error::internal())?;
        self.exchanges.put(&key.bucket_key(), value.into()).await
    }

    /// Returns a session that was in memory, unless another node has had it since: then what that has stored counts.
    pub(crate) async fn newest(&self, session: Session) -> Result<Option<Session>> {
        if !session.stored {
            return Ok(Some(session));
        }
        Ok(match self.get(&session.key).await? {
            Some(stored) if stored.saved > session.saved => Some(self.restore(&stored).await?),
            None if session.confirmed => None,
            // Its connection may have ended before it was stored.
            Some(_) | None => Some(session),
        })
    }

    async fn get(&self, key: &ClientKey) -> Result<Option<Stored>> {
        let bytes = self.bucket.get(&key.bucket_key()).await?;
        let stored = bytes.and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
        Ok(stored.filter(|stored| stored.client() == *key))
    }

    /// Stores a session as it was when the snapshot was taken.
    pub(crate) async fn put(&self, snapshot: Snapshot) -> Result<()> {
        self.bucket.put(&snapshot.key, snapshot.value).await
    }

    /// Removes what is stored of a client, if anything, and its queues, those of `subscriptions` included.
    pub(crate) async fn remove(
        &self,
        key: &ClientKey,
        subscriptions: Option<&Subscriptions>,
    ) -> Result<()> {
        let bucket_key = key.bucket_key();
        let known = self.known.lock().sessions.get(&bucket_key).cloned();
        let stored = known.map(|stored| stored.to_session().subscriptions);
        if stored.is_none() && subscriptions.is_none_or(|subscriptions| subscriptions.len() == 0) {
            return Ok(());
        }
        for subscriptions in stored.iter().chain(subscriptions) {
            for channel in subscriptions.channels() {
                self.bus.forget(&key.consumer(channel)).await?;
            }
            let groups: Vec<_> = subscriptions.groups().cloned().collect();
            self.leave_groups(key, &groups).await?;
        }
        // In this order: exchanges without a session are nobody's, and another session of that client must not find them.
        if self.exchanges.get(&bucket_key).await?.is_some() {
            self.exchanges.delete(&bucket_key).await?;
        }
        self.bucket.delete(&bucket_key).await
    }

    /// Removes the queue of a client for a channel, and those of groups of which it was the last member.
    pub(crate) async fn leave_channel(
        &self,
        key: &ClientKey,
        channel: ChannelId,
        groups: &[TopicFilter],
    ) -> Result<()> {
        let forgotten = self.bus.forget(&key.consumer(channel)).await;
        forgotten.and(self.leave_groups(key, groups).await)
    }

    /// Counts a connection as a member of a group while the result lives.
    pub(crate) fn join_group(&self, filter: &TopicFilter) -> Membership {
        self.here.join(filter)
    }

    /// Removes the queues of the groups of which the session was the last member.
    pub(crate) async fn leave_groups(&self, key: &ClientKey, left: &[TopicFilter]) -> Result<()> {
        for filter in left {
            let group = group_name(filter);
            let others = self.here.has_member(&group)
                || self.known.lock().has_member(&group, &key.bucket_key());
            if !others {
                self.bus.forget(&group).await?;
            }
        }
        Ok(())
    }

    /// Removes what is stored of a client and its queues, if that has expired and no other node uses it.
    pub(crate) async fn remove_expired(&self, key: &ClientKey) -> Result<()> {
        match self.get(key).await? {
            Some(stored) if stored.is_expired(Timestamp::now()) => {
                let subscriptions = stored.to_session().subscriptions;
                self.remove(key, Some(&subscriptions)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the clients whose sessions seem to have expired.
    pub(crate) fn expired(&self) -> Vec<ClientKey> {
        let now = Timestamp::now();
        let known = self.known.lock();
        let expired = known
            .sessions
            .values()
            .filter(|stored| stored.is_expired(now));
        expired.map(Stored::client).collect()
    }
}

async fn fill(reports: &mut mpsc::Receiver<Entry>) -> Known {
    let mut known = Known::default();
    while let Some(entry) = reports.recv().await {
        if entry == Entry::Current {
            break;
        }
        apply(&mut known, entry);
    }
    known
}

fn apply(known: &mut Known, entry: Entry) {
    match entry {
        Entry::Put(key, _) if known.nodes.hear(&key) => {}
        Entry::Deleted(key) if known.nodes.forget(&key) => {}
        Entry::Put(key, value) => match serde_json::from_slice(&value) {
            Ok(stored) => {
                known.put(key, stored);
            }
            Err(error) => tracing::warn!(%error, key, "a stored session cannot be read"),
        },
        Entry::Deleted(key) => {
            known.delete(&key);
        }
        Entry::Current => {}
    }
}

/// Begins again after a watch has ended, as it does when its reader was too slow.
pub(crate) async fn watch_again(bucket: &dyn Bucket) -> mpsc::Receiver<Entry> {
    loop {
        sleep(WATCH_AGAIN).await;
        match bucket.watch().await {
            Ok(reports) => return reports,
            Err(error) => tracing::warn!(%error, "a bucket cannot be watched"),
        }
    }
}
