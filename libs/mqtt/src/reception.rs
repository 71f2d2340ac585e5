use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use model::{ChannelId, ErrorKind, Result};

use crate::access::Admission;
use crate::feed::Feed;
use crate::index::Subscription;
use crate::interest::Interest;
use crate::packet::{Reason, RetainHandling};
use crate::peer::{Peer, published_qos};
use crate::refusal;
use crate::session::Delivery;
use crate::shard::Shard;
use crate::store::Snapshot;
use crate::topic::TopicFilter;

/// What one connection receives: the channels it has joined, each either live or from a durable queue.
pub(crate) struct Reception {
    shard: Rc<Shard>,
    peer: Rc<Peer>,
    admission: Box<dyn Admission>,
    sources: RefCell<HashMap<ChannelId, Source>>,
}

/// Where the messages of a channel come from.
enum Source {
    /// The shard hands them out as they are published.
    Live(#[expect(dead_code, reason = "held for its Drop")] Interest),
    /// They come from the durable queue of a persistent session.
    Queue(Feed),
}

/// What a SUBSCRIBE has come to for one filter.
pub(crate) struct Subscribed {
    pub(crate) reason: Reason,
    /// The filter, when retained messages are to be sent for it.
    pub(crate) retained: Option<(TopicFilter, Subscription)>,
}

impl From<Reason> for Subscribed {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            retained: None,
        }
    }
}

impl Reception {
    pub(crate) fn new(shard: Rc<Shard>, peer: Rc<Peer>, admission: Box<dyn Admission>) -> Self {
        Self {
            shard,
            peer,
            admission,
            sources: RefCell::default(),
        }
    }

    pub(crate) fn lost(&self) -> crate::access::Lost {
        self.admission.lost()
    }

    /// Takes up the subscriptions the session had before; those whose right is gone leave it.
    pub(crate) async fn resume(&self) -> Result<()> {
        let channels = self.peer.session.borrow().subscriptions.channels();
        for channel in channels {
            match self.admission.join(channel).await {
                Ok(()) => self.align(channel).await?,
                Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {
                    self.peer
                        .session
                        .borrow_mut()
                        .subscriptions
                        .remove_channel(channel);
                    self.forget_queue(channel).await?;
                }
                Err(error) => return Err(error),
            }
        }
        let session = &self.peer.session;
        if session.borrow().stored {
            self.save().await?;
        }
        Ok(())
    }

    /// Adds a subscription.
    pub(crate) async fn subscribe(&self, text: &str, subscription: Subscription) -> Subscribed {
        let filter = match TopicFilter::parse(text) {
            Ok(filter) => filter,
            Err(error) => return refusal::of_filter(error).into(),
        };
        if filter.group().is_some() {
            return Reason::SharedSubscriptionsNotSupported.into();
        }
        let before = self.peer.session.borrow().subscriptions.get(&filter);
        let count = self.peer.session.borrow().subscriptions.len();
        if before.is_none() && count >= self.shard.node.config.max_subscriptions {
            return Reason::QuotaExceeded.into();
        }
        let channel = filter.channel();
        let joined = self.sources.borrow().contains_key(&channel);
        if !joined && let Err(error) = self.admission.join(channel).await {
            self.shard.counters.denied.add(1);
            return refusal::of_kind(error.kind).into();
        }
        self.peer
            .session
            .borrow_mut()
            .subscriptions
            .set(&filter, subscription);
        if let Err(error) = self.align(channel).await {
            self.withdraw(&filter, before);
            return refusal::of_kind(error.kind).into();
        }
        let wanted = match subscription.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => before.is_none(),
            RetainHandling::DoNotSend => false,
        };
        Subscribed {
            reason: subscription.options.qos.into(),
            retained: wanted.then_some((filter, subscription)),
        }
    }

    /// Puts back what a subscription that failed has replaced.
    fn withdraw(&self, filter: &TopicFilter, before: Option<Subscription>) {
        let mut session = self.peer.session.borrow_mut();
        match before {
            Some(before) => {
                session.subscriptions.set(filter, before);
            }
            None => {
                session.subscriptions.remove(filter);
            }
        }
        if !self.sources.borrow().contains_key(&filter.channel()) {
            self.admission.leave(filter.channel());
        }
    }

    /// Removes a subscription.
    pub(crate) async fn unsubscribe(&self, text: &str) -> Reason {
        let Ok(filter) = TopicFilter::parse(text) else {
            return Reason::TopicFilterInvalid;
        };
        let removed = self.peer.session.borrow_mut().subscriptions.remove(&filter);
        if removed.is_none() {
            return Reason::NoSubscriptionExisted;
        }
        self.shard.unsubscribe(&filter, self.peer.id);
        match self.align(filter.channel()).await {
            Ok(()) => Reason::Success,
            Err(error) => refusal::of_kind(error.kind),
        }
    }

    /// Stores the session when it is persistent, so that it survives the process.
    pub(crate) async fn save(&self) -> Result<()> {
        let snapshot = {
            let mut session = self.peer.session.borrow_mut();
            if !session.is_persistent() {
                return Ok(());
            }
            session.stored = true;
            Snapshot::of(&session, true)?
        };
        self.shard.node.store.put(snapshot).await
    }

    /// Queues the retained messages for a new subscription.
    pub(crate) fn send_retained(&self, filter: &TopicFilter, subscription: Subscription) {
        let found = self.shard.node.retention.find(filter);
        let deliveries = found.into_iter().map(|message| Delivery {
            qos: published_qos(&message).min(subscription.options.qos),
            message,
            retain: true,
            subscription_ids: subscription.id.into_iter().collect(),
            place: None,
        });
        let limit = self.shard.node.config.max_retained_messages;
        if !self.peer.add_backlog(deliveries, limit) {
            self.peer.close(
                Reason::QuotaExceeded,
                "too many retained messages wait for this client",
            );
        }
    }

    /// Makes what is received of a channel what the subscriptions say.
    async fn align(&self, channel: ChannelId) -> Result<()> {
        let (entries, queued) = {
            let session = self.peer.session.borrow();
            let queued =
                session.is_persistent() && session.subscriptions.wants_acknowledged(channel);
            (session.subscriptions.of(channel).to_vec(), queued)
        };
        if entries.is_empty() {
            self.leave(channel).await
        } else if queued {
            self.receive_queued(channel, &entries).await
        } else {
            self.receive_live(channel, &entries).await
        }
    }

    async fn receive_live(
        &self,
        channel: ChannelId,
        entries: &[(TopicFilter, Subscription)],
    ) -> Result<()> {
        if !matches!(self.sources.borrow().get(&channel), Some(Source::Live(_))) {
            let interest = self.shard.interest(channel).await?;
            let before = self
                .sources
                .borrow_mut()
                .insert(channel, Source::Live(interest));
            self.end_queue(channel, before).await?;
        }
        for (filter, subscription) in entries {
            self.shard.subscribe(filter, self.peer.id, *subscription);
        }
        Ok(())
    }

    async fn receive_queued(
        &self,
        channel: ChannelId,
        entries: &[(TopicFilter, Subscription)],
    ) -> Result<()> {
        if matches!(self.sources.borrow().get(&channel), Some(Source::Queue(_))) {
            return Ok(());
        }
        let feed = Feed::start(&self.shard, &self.peer, channel).await?;
        self.sources
            .borrow_mut()
            .insert(channel, Source::Queue(feed));
        for (filter, _) in entries {
            self.shard.unsubscribe(filter, self.peer.id);
        }
        Ok(())
    }

    async fn leave(&self, channel: ChannelId) -> Result<()> {
        let before = self.sources.borrow_mut().remove(&channel);
        self.admission.leave(channel);
        self.end_queue(channel, before).await
    }

    async fn end_queue(&self, channel: ChannelId, source: Option<Source>) -> Result<()> {
        if let Some(Source::Queue(feed)) = source {
            feed.stop().await;
            self.forget_queue(channel).await?;
        }
        Ok(())
    }

    async fn forget_queue(&self, channel: ChannelId) -> Result<()> {
        let name = self.peer.session.borrow().key.consumer(channel);
        self.shard.node.bus.forget(&name).await
    }

    /// Stops receiving; the durable queues stay.
    pub(crate) async fn end(&self) {
        for (filter, _) in self.peer.session.borrow().subscriptions.iter() {
            self.shard.unsubscribe(filter, self.peer.id);
        }
        let sources = self.sources.take();
        for source in sources.into_values() {
            if let Source::Queue(feed) = source {
                feed.stop().await;
            }
        }
    }
}
