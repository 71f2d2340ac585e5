//! Live subscriptions: one set of NATS subjects per key and process, however many queues want it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use async_nats::Subscriber;
use futures_util::StreamExt;
use futures_util::future::AbortHandle;
use model::Result;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::driver::{PumpGuard, Pumps};
use super::error::unavailable;
use super::link::{DEADLINE, Link};
use crate::live::LiveSender;
use crate::record::RecordFilter;
use crate::router::Router;
use crate::{LiveGuard, Record};

/// The live side of a bus.
///
/// A record arrives once per NATS subscription that covers it. Queues with a key and queues without are kept apart, so that
/// each gets it from exactly one subscription.
pub(super) struct Live<T: Record> {
    link: Link,
    pumps: Pumps,
    keyed: Arc<Router<T>>,
    unkeyed: Arc<Router<T>>,
    topics: Topics<T>,
}

type Topics<T> = Arc<Mutex<HashMap<Option<<T as Record>::Key>, Shared>>>;

/// One topic and how many queues want it.
struct Shared {
    claims: usize,
    topic: Arc<Topic>,
}

/// The pumps of the subscriptions, once the server has them.
type Topic = OnceCell<Vec<PumpGuard>>;

impl<T: Record> Live<T> {
    pub(super) fn new(link: Link, pumps: Pumps) -> Self {
        Self {
            link,
            pumps,
            keyed: Arc::new(Router::new()),
            unkeyed: Arc::new(Router::new()),
            topics: Topics::<T>::default(),
        }
    }

    /// Subscribes a queue, and returns when the server knows.
    pub(super) async fn subscribe(
        &self,
        filter: T::Filter,
        queue: &LiveSender<T>,
    ) -> Result<LiveGuard> {
        let key = filter.key();
        let router = if key.is_some() {
            &self.keyed
        } else {
            &self.unkeyed
        };
        let subjects = key.clone().map_or_else(
            || filter.subjects(),
            |key| T::Filter::of_key(key).subjects(),
        );
        let claim = self.claim(key);
        let queued = router.subscribe(filter, queue);
        let opening = claim
            .topic
            .get_or_try_init(|| self.open(subjects, router.clone()));
        match timeout(DEADLINE, opening).await {
            Ok(opened) => opened?,
            Err(_) => return Err(unavailable("no subscription in time")),
        };
        Ok(LiveGuard::new((queued, claim)))
    }

    fn claim(&self, key: Option<T::Key>) -> Claim<T> {
        let mut topics = self.topics.lock();
        let shared = topics.entry(key.clone()).or_insert_with(|| Shared {
            claims: 0,
            topic: Arc::default(),
        });
        shared.claims += 1;
        Claim {
            key,
            topic: shared.topic.clone(),
            topics: self.topics.clone(),
        }
    }

    async fn open(&self, subjects: Vec<String>, router: Arc<Router<T>>) -> Result<Vec<PumpGuard>> {
        let mut guards = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let subscriber = self
                .link
                .client
                .subscribe(subject)
                .await
                .map_err(unavailable)?;
            let router = router.clone();
            guards.push(
                self.pumps
                    .run(|stopped| pump(subscriber, router, stopped))
                    .await?,
            );
        }
        self.link.round_trip().await?;
        Ok(guards)
    }
}

/// One queue's claim on a topic; the last one dropped ends the subscription.
struct Claim<T: Record> {
    key: Option<T::Key>,
    topic: Arc<Topic>,
    topics: Topics<T>,
}

impl<T: Record> Drop for Claim<T> {
    fn drop(&mut self) {
        let mut topics = self.topics.lock();
        if let Entry::Occupied(mut shared) = topics.entry(self.key.clone()) {
            shared.get_mut().claims -= 1;
            if shared.get().claims == 0 {
                // Before anybody can subscribe anew, or what is on its way would be delivered twice.
                self.topic
                    .get()
                    .into_iter()
                    .flatten()
                    .for_each(PumpGuard::stop);
                shared.remove();
            }
        }
    }
}

async fn pump<T: Record>(mut subscriber: Subscriber, router: Arc<Router<T>>, stopped: AbortHandle) {
    let strange = metrics::counter!("messaging_undecodable_total", "stream" => T::STREAM);
    while let Some(message) = subscriber.next().await {
        if stopped.is_aborted() {
            return;
        }
        match T::decode(&message.payload) {
            Ok(record) => router.deliver(&Arc::new(record)),
            Err(error) => {
                strange.increment(1);
                tracing::debug!(%error, subject = %message.subject, "what was published there is skipped");
            }
        }
    }
}
