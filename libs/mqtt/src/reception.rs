//! What one connection receives.

mod groups;
mod sources;
mod subscribe;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use model::{Action, ChannelId, ErrorKind, ThingId};

use crate::access::{Admission, Lost};
use crate::feed::Feed;
use crate::interest::Interest;
use crate::packet::Reason;
use crate::peer::{Peer, published_qos};
use crate::session::Delivery;
use crate::shard::Shard;
use crate::store::Snapshot;
use crate::topic::TopicFilter;

pub(crate) use subscribe::Subscribed;

/// How many publishers of retained messages are asked for at a time.
const QUESTIONS: usize = 64;

/// The channels a connection has joined, and how the messages of each come.
pub(crate) struct Reception {
    shard: Rc<Shard>,
    peer: Rc<Peer>,
    admission: Box<dyn Admission>,
    sources: RefCell<HashMap<ChannelId, Source>>,
    groups: RefCell<HashMap<TopicFilter, Feed>>,
}

/// Where the messages of a channel come from.
enum Source {
    /// Nowhere yet: the right is there, and nothing else.
    Joined,
    /// The shard hands them out as they are published.
    Live(#[expect(dead_code, reason = "held for its Drop")] Interest),
    /// They come from the durable queue of a persistent session.
    Queue(Feed),
}

impl Reception {
    pub(crate) fn new(shard: Rc<Shard>, peer: Rc<Peer>, admission: Box<dyn Admission>) -> Self {
        Self {
            shard,
            peer,
            admission,
            sources: RefCell::default(),
            groups: RefCell::default(),
        }
    }

    /// Resolves when the connection has lost a right it rests on.
    pub(crate) fn lost(&self) -> Lost {
        self.admission.lost()
    }

    /// Takes up the subscriptions the session had before; those whose right is gone leave it.
    pub(crate) async fn resume(&self) -> model::Result<()> {
        self.move_relative().await?;
        let (subscribed, begun) = {
            let session = self.peer.session.borrow();
            (
                session.subscriptions.channels(),
                session.outbound.channels(),
            )
        };
        for channel in begun
            .into_iter()
            .filter(|begun| !subscribed.contains(begun))
        {
            let access = &self.shard.node.access;
            let thing = self.admission.thing();
            if is_lost(access.decide(thing, channel, Action::Subscribe).await)? {
                self.peer.session.borrow_mut().outbound.forget(channel);
            }
        }
        let mut joined = Vec::new();
        for channel in subscribed {
            if is_lost(self.join(channel).await)? {
                self.lose(channel).await?;
            } else {
                joined.push(channel);
            }
        }
        // What was begun comes before what is new, and only where it may still be received.
        self.peer.resend();
        for channel in joined {
            self.align(channel, &[]).await?;
        }
        for filter in self.shared_filters() {
            self.receive_shared(&filter).await?;
        }
        self.save().await
    }

    fn shared_filters(&self) -> Vec<TopicFilter> {
        let session = self.peer.session.borrow();
        session.subscriptions.groups().cloned().collect()
    }

    /// Has relative subscriptions follow the default channel, should that be another one by now.
    async fn move_relative(&self) -> model::Result<()> {
        let default = self.peer.default_channel;
        let stale: Vec<_> = {
            let session = self.peer.session.borrow();
            let entries = session.subscriptions.iter();
            let stale = entries
                .filter(|(filter, _)| filter.is_relative() && Some(filter.channel()) != default);
            stale
                .map(|(filter, subscription)| (filter.clone(), *subscription))
                .collect()
        };
        for (filter, subscription) in stale {
            let orphaned = {
                let subscriptions = &mut self.peer.session.borrow_mut().subscriptions;
                subscriptions.remove(&filter);
                if let Some(default) = default {
                    subscriptions.set(&filter.moved_to(default), subscription);
                }
                !subscriptions.has_own(filter.channel())
            };
            if orphaned {
                self.forget_queue(filter.channel()).await?;
            }
            if filter.group().is_some() {
                let key = self.peer.session.borrow().key.clone();
                let left = std::slice::from_ref(&filter);
                self.shard.node.store.leave_groups(&key, left).await?;
            }
        }
        Ok(())
    }

    async fn lose(&self, channel: ChannelId) -> model::Result<()> {
        let (key, groups) = {
            let mut session = self.peer.session.borrow_mut();
            (session.key.clone(), session.lose(channel))
        };
        let store = &self.shard.node.store;
        store.leave_channel(&key, channel, &groups).await
    }

    /// Stores the session when it has to survive the process, or to be seen by other nodes.
    pub(crate) async fn save(&self) -> model::Result<()> {
        let snapshot = {
            let mut session = self.peer.session.borrow_mut();
            if !session.is_to_be_stored() && !session.stored {
                return Ok(());
            }
            session.stored = true;
            session.queues |= session.is_persistent();
            Snapshot::of(&mut session, true, self.shard.node.origin)?
        };
        self.shard.node.store.put(snapshot).await?;
        self.peer.session.borrow_mut().confirmed = true;
        Ok(())
    }

    /// Returns the retained messages for new subscriptions, but for those whose publisher may not publish there any more.
    pub(crate) async fn retained(
        &self,
        subscribed: &[Result<Subscribed, Reason>],
    ) -> Vec<Delivery> {
        let retention = &self.shard.node.retention;
        let wanted = subscribed.iter().flatten().filter_map(Subscribed::retained);
        let mut deliveries = Vec::new();
        for (filter, subscription) in wanted {
            let found = retention.find(filter).into_iter();
            deliveries.extend(found.map(|message| Delivery {
                qos: published_qos(&message).min(subscription.options.qos),
                message,
                retain: true,
                relative: filter.is_relative(),
                subscription_ids: subscription.id.into_iter().collect(),
                place: None,
            }));
        }
        let source = |delivery: &Delivery| (delivery.message.publisher, delivery.message.channel);
        let sources: HashSet<_> = deliveries.iter().map(source).collect();
        let lost: HashSet<_> = stream::iter(sources)
            .map(|source| async move { (source, self.may_publish(source).await) })
            .buffer_unordered(QUESTIONS)
            .filter_map(|(source, may)| ready((!may).then_some(source)))
            .collect()
            .await;
        deliveries.retain(|delivery| !lost.contains(&source(delivery)));
        deliveries
    }

    async fn may_publish(&self, (thing, channel): (ThingId, ChannelId)) -> bool {
        let access = &self.shard.node.access;
        access.cached(thing, channel, Action::Publish)
            || access.decide(thing, channel, Action::Publish).await.is_ok()
    }

    /// Has retained messages sent as there is room.
    pub(crate) fn send_retained(&self, deliveries: Vec<Delivery>) {
        let retention = &self.shard.node.retention;
        // One that was replaced meanwhile must not come after its successor, which came as it was published.
        let current = deliveries
            .into_iter()
            .filter(|delivery| retention.has(&delivery.message));
        let limit = self.shard.node.config.max_retained_messages;
        if !self.peer.add_backlog(current, limit) {
            self.peer.close(
                Reason::QuotaExceeded,
                "too many retained messages wait for this client",
            );
        }
    }

    /// Stops receiving; the durable queues stay.
    pub(crate) async fn end(&self) {
        for (filter, _) in self.peer.session.borrow().subscriptions.iter() {
            if filter.group().is_none() {
                self.shard.unsubscribe(filter, self.peer.id);
            }
        }
        self.end_groups().await;
        let sources = self.sources.take();
        for source in sources.into_values() {
            if let Source::Queue(feed) = source {
                feed.stop().await;
            }
        }
    }
}

/// Tells whether the answer to a question for a right is that there is none.
pub(crate) fn is_lost(answer: model::Result<()>) -> model::Result<bool> {
    match answer {
        Ok(()) => Ok(false),
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}
