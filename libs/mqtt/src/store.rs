use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging::{Bucket, Bus, Entry, Message};
use model::{ChannelId, Result, ThingId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

use crate::index::Subscription;
use crate::key::ClientKey;
use crate::packet::{Qos, RetainHandling, SubscribeOptions};
use crate::session::{Outbound, Session};
use crate::topic::TopicFilter;

/// How often a session that is online is stored again, which shows other nodes that it is in use.
pub(crate) const REFRESH: Duration = Duration::from_secs(10 * 60);

/// How long it takes until a watch that has ended is begun again.
const WATCH_AGAIN: Duration = Duration::from_millis(200);

/// The persistent sessions that survive the process: who they belong to, what they subscribe to and how long they last.
pub(crate) struct Store {
    bucket: Arc<dyn Bucket>,
    bus: Arc<dyn Bus<Message>>,
    known: Mutex<Known>,
}

type Known = HashMap<String, Stored>;

/// What is to be stored of a session.
pub(crate) struct Snapshot {
    key: String,
    value: Bytes,
}

impl Snapshot {
    pub(crate) fn of(session: &mut Session, online: bool) -> Result<Self> {
        let stored = Stored::of(session, online);
        session.saved = stored.saved;
        let value = serde_json::to_vec(&stored).map_err(|_| model::Error::internal())?;
        Ok(Self {
            key: session.key.bucket_key(),
            value: value.into(),
        })
    }
}

/// A session as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    thing: ThingId,
    client_id: String,
    expiry_seconds: u64,
    online: bool,
    saved: Timestamp,
    subscriptions: Vec<StoredSubscription>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredSubscription {
    filter: String,
    #[serde(default)]
    relative: bool,
    qos: u8,
    #[serde(default)]
    no_local: bool,
    #[serde(default)]
    retain_as_published: bool,
    #[serde(default)]
    id: Option<NonZeroU32>,
}

impl Store {
    /// Makes the store, filled with what the bucket has; the rest of the reports is for [`Self::follow`].
    pub(crate) async fn open(
        bucket: Arc<dyn Bucket>,
        bus: Arc<dyn Bus<Message>>,
    ) -> Result<(Self, mpsc::Receiver<Entry>)> {
        let mut reports = bucket.watch().await?;
        let known = fill(&mut reports).await;
        let this = Self {
            bucket,
            bus,
            known: Mutex::new(known),
        };
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
        let valid = stored.filter(|stored| !stored.is_expired(Timestamp::now()));
        Ok(valid.map(|stored| stored.to_session()))
    }

    /// Returns a session that was in memory, unless another node has had it since: then what that has stored counts.
    pub(crate) async fn newest(&self, session: Session) -> Result<Option<Session>> {
        if !session.stored {
            return Ok(Some(session));
        }
        Ok(match self.get(&session.key).await? {
            Some(stored) if stored.saved > session.saved => Some(stored.to_session()),
            Some(_) => Some(session),
            None => None,
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

    /// Removes what is stored of a client, if anything, and its queues, those of `channels` included.
    pub(crate) async fn remove(&self, key: &ClientKey, channels: &[ChannelId]) -> Result<()> {
        let bucket_key = key.bucket_key();
        let known = self.known.lock().get(&bucket_key).cloned();
        let stored = known.map(|stored| stored.to_session().subscriptions.channels());
        if stored.is_none() && channels.is_empty() {
            return Ok(());
        }
        for channel in stored.iter().flatten().chain(channels) {
            self.bus.forget(&key.consumer(*channel)).await?;
        }
        self.bucket.delete(&bucket_key).await
    }

    /// Removes what is stored of a client and its queues, if that has expired and no other node uses it.
    pub(crate) async fn remove_expired(&self, key: &ClientKey) -> Result<()> {
        match self.get(key).await? {
            Some(stored) if stored.is_expired(Timestamp::now()) => {
                let channels = stored.to_session().subscriptions.channels();
                self.remove(key, &channels).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the clients whose sessions seem to have expired.
    pub(crate) fn expired(&self) -> Vec<ClientKey> {
        let now = Timestamp::now();
        let known = self.known.lock();
        let expired = known.values().filter(|stored| stored.is_expired(now));
        expired.map(Stored::client).collect()
    }
}

async fn fill(reports: &mut mpsc::Receiver<Entry>) -> Known {
    let mut known = Known::new();
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
        Entry::Put(key, value) => match serde_json::from_slice(&value) {
            Ok(stored) => {
                known.insert(key, stored);
            }
            Err(error) => tracing::warn!(%error, key, "a stored session cannot be read"),
        },
        Entry::Deleted(key) => {
            known.remove(&key);
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

impl Stored {
    fn of(session: &Session, online: bool) -> Self {
        let subscriptions = session.subscriptions.iter();
        Self {
            thing: session.key.thing,
            client_id: session.key.client_id.as_ref().to_owned(),
            expiry_seconds: session.expiry.as_secs(),
            online,
            saved: Timestamp::now(),
            subscriptions: subscriptions
                .map(
                    |(filter, Subscription { options, id })| StoredSubscription {
                        filter: filter.as_str().to_owned(),
                        relative: filter.is_relative(),
                        qos: options.qos.as_u8(),
                        no_local: options.no_local,
                        retain_as_published: options.retain_as_published,
                        id: *id,
                    },
                )
                .collect(),
        }
    }

    fn client(&self) -> ClientKey {
        ClientKey::new(self.thing, &self.client_id)
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        let in_use = if self.online {
            2 * REFRESH
        } else {
            Duration::ZERO
        };
        now.since(self.saved) > Duration::from_secs(self.expiry_seconds) + in_use
    }

    fn to_session(&self) -> Session {
        let mut session = Session::new(self.client(), Duration::from_secs(self.expiry_seconds));
        session.stored = true;
        // Identifiers that were in use are not known any more; these are others, all but certainly.
        session.outbound = Outbound::starting_at(Uuid::new_v4().as_fields().1);
        for stored in &self.subscriptions {
            let Ok(filter) = TopicFilter::parse(&stored.filter) else {
                continue;
            };
            let options = SubscribeOptions {
                qos: Qos::from_u8(stored.qos).unwrap_or_default(),
                no_local: stored.no_local,
                retain_as_published: stored.retain_as_published,
                retain_handling: RetainHandling::Send,
            };
            session.subscriptions.set(
                &filter.with_relative(stored.relative),
                Subscription {
                    options,
                    id: stored.id,
                },
            );
        }
        session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(expiry: u64) -> Session {
        let key = ClientKey::new(ThingId::random(), "sensor");
        let mut session = Session::new(key, Duration::from_secs(expiry));
        let filter = format!("channels/{}/messages/+/x", ChannelId::random());
        session.subscriptions.set(
            &TopicFilter::parse(&filter).unwrap(),
            Subscription {
                options: SubscribeOptions {
                    qos: Qos::ExactlyOnce,
                    no_local: true,
                    retain_as_published: true,
                    retain_handling: RetainHandling::Send,
                },
                id: NonZeroU32::new(77),
            },
        );
        session
    }

    #[test]
    fn a_session_reads_back() {
        let session = session(60);
        let json = serde_json::to_vec(&Stored::of(&session, true)).unwrap();
        let stored: Stored = serde_json::from_slice(&json).unwrap();
        let back = stored.to_session();
        assert_eq!(back.key, session.key);
        assert_eq!(back.expiry, session.expiry);
        let pairs = |session: &Session| session.subscriptions.iter().cloned().collect::<Vec<_>>();
        assert_eq!(pairs(&back), pairs(&session));
    }

    #[test]
    fn a_session_expires_after_its_time_and_later_when_it_was_last_seen_online() {
        let offline = Stored::of(&session(60), false);
        let after = |seconds| offline.saved.plus(Duration::from_secs(seconds));
        assert!(!offline.is_expired(after(60)));
        assert!(offline.is_expired(after(61)));
        let online = Stored {
            online: true,
            ..offline.clone()
        };
        assert!(!online.is_expired(after(61)));
        assert!(online.is_expired(after(61 + 2 * REFRESH.as_secs())));
    }
}
