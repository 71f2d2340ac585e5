//! What one connection receives.

mod sources;
mod subscribe;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use model::{ChannelId, ErrorKind, Result};

use crate::access::{Admission, Lost};
use crate::feed::Feed;
use crate::index::Subscription;
use crate::interest::Interest;
use crate::packet::Reason;
use crate::peer::{Peer, published_qos};
use crate::session::Delivery;
use crate::shard::Shard;
use crate::store::Snapshot;
use crate::topic::TopicFilter;

pub(crate) use subscribe::Subscribed;

/// The channels a connection has joined, and how the messages of each come.
pub(crate) struct Reception {
    shard: Rc<Shard>,
    peer: Rc<Peer>,
    admission: Box<dyn Admission>,
    sources: RefCell<HashMap<ChannelId, Source>>,
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
        }
    }

    /// Resolves when the connection has lost a right it rests on.
    pub(crate) fn lost(&self) -> Lost {
        self.admission.lost()
    }

    /// Takes up the subscriptions the session had before; those whose right is gone leave it.
    pub(crate) async fn resume(&self) -> Result<()> {
        self.move_relative().await?;
        let channels = self.peer.session.borrow().subscriptions.channels();
        for channel in channels {
            match self.join(channel).await {
                Ok(()) => self.align(channel).await?,
                Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {
                    self.lose(channel).await?;
                }
                Err(error) => return Err(error),
            }
        }
        let stored = self.peer.session.borrow().stored;
        if stored { self.save().await } else { Ok(()) }
    }

    /// Has relative subscriptions follow the default channel, should that be another one by now.
    async fn move_relative(&self) -> Result<()> {
        let default = self.peer.default_channel;
        let stale: Vec<_> = {
            let session = self.peer.session.borrow();
            let entries = session.subscriptions.iter();
            let stale = entries
                .filter(|(filter, _)| filter.is_relative() && Some(filter.channel()) != default);
            stale.cloned().collect()
        };
        for (filter, subscription) in stale {
            let orphaned = {
                let subscriptions = &mut self.peer.session.borrow_mut().subscriptions;
                subscriptions.remove(&filter);
                if let Some(default) = default {
                    subscriptions.set(&filter.moved_to(default), subscription);
                }
                subscriptions.of(filter.channel()).is_empty()
            };
            if orphaned {
                self.forget_queue(filter.channel()).await?;
            }
        }
        Ok(())
    }

    async fn lose(&self, channel: ChannelId) -> Result<()> {
        let session = &self.peer.session;
        session.borrow_mut().subscriptions.remove_channel(channel);
        self.forget_queue(channel).await
    }

    /// Stores the session when it is persistent, so that it survives the process.
    pub(crate) async fn save(&self) -> Result<()> {
        let snapshot = {
            let mut session = self.peer.session.borrow_mut();
            if !session.is_persistent() {
                return Ok(());
            }
            session.stored = true;
            Snapshot::of(&mut session, true)?
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
            relative: filter.is_relative(),
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
