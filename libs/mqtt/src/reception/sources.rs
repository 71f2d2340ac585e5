use model::{ChannelId, Result};

use super::{Reception, Source};
use crate::feed::Feed;
use crate::index::Subscription;
use crate::queue::Queue;
use crate::topic::TopicFilter;

pub(super) type Entry = (TopicFilter, Subscription);

impl Reception {
    /// Makes sure that the thing may receive from the channel, and is told when it may not any more.
    pub(super) async fn join(&self, channel: ChannelId) -> Result<()> {
        let known = self.sources.borrow().contains_key(&channel);
        if !known {
            self.admission.join(channel).await?;
            self.sources.borrow_mut().insert(channel, Source::Joined);
        }
        Ok(())
    }

    /// Makes what is received of a channel what the subscriptions say, of which some have `changed`.
    pub(super) async fn align(&self, channel: ChannelId, changed: &[Entry]) -> Result<()> {
        let (own, shared, queued) = {
            let session = self.peer.session.borrow();
            let subscriptions = &session.subscriptions;
            let own = subscriptions.has_own(channel);
            // A session that is no longer to be kept may still have a queue from before.
            let queue = session.is_persistent() || session.queues;
            let queued = queue && subscriptions.wants_acknowledged(channel);
            (own, !own && subscriptions.has_shared(channel), queued)
        };
        if !own && !shared {
            return self.leave(channel).await;
        }
        if !own {
            self.receive_nothing(channel).await?;
        } else if queued {
            self.receive_queued(channel).await?;
        } else {
            self.receive_live(channel, changed).await?;
        }
        for (filter, _) in changed {
            if filter.group().is_some() {
                self.receive_shared(filter).await?;
            }
        }
        Ok(())
    }

    /// Receives nothing of a channel but what is shared.
    async fn receive_nothing(&self, channel: ChannelId) -> Result<()> {
        let before = self.sources.borrow_mut().insert(channel, Source::Joined);
        self.end_queue(channel, before).await
    }

    async fn receive_live(&self, channel: ChannelId, changed: &[Entry]) -> Result<()> {
        if self.is_live(channel) {
            self.subscribe_live(changed);
            return Ok(());
        }
        let interest = self.shard.interest(channel).await?;
        let source = Source::Live(interest);
        let before = self.sources.borrow_mut().insert(channel, source);
        self.subscribe_live(self.peer.session.borrow().subscriptions.own(channel));
        self.end_queue(channel, before).await
    }

    pub(super) fn is_live(&self, channel: ChannelId) -> bool {
        matches!(self.sources.borrow().get(&channel), Some(Source::Live(_)))
    }

    /// Has the shard hand out what these subscriptions want, the shared ones aside.
    pub(super) fn subscribe_live<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) {
        for (filter, subscription) in entries {
            if filter.group().is_none() {
                self.shard.subscribe(filter, self.peer.id, *subscription);
            }
        }
    }

    async fn receive_queued(&self, channel: ChannelId) -> Result<()> {
        let queued = matches!(self.sources.borrow().get(&channel), Some(Source::Queue(_)));
        if queued {
            return Ok(());
        }
        let feed = Feed::start(&self.shard, &self.peer, Queue::Channel(channel)).await?;
        self.sources
            .borrow_mut()
            .insert(channel, Source::Queue(feed));
        for (filter, _) in self.peer.session.borrow().subscriptions.own(channel) {
            self.shard.unsubscribe(filter, self.peer.id);
        }
        Ok(())
    }

    async fn leave(&self, channel: ChannelId) -> Result<()> {
        let before = self.sources.borrow_mut().remove(&channel);
        if before.is_some() {
            self.admission.leave(channel);
        }
        self.end_queue(channel, before).await
    }

    async fn end_queue(&self, channel: ChannelId, source: Option<Source>) -> Result<()> {
        if let Some(Source::Queue(feed)) = source {
            feed.stop().await;
            self.forget_queue(channel).await?;
        }
        Ok(())
    }

    pub(super) async fn forget_queue(&self, channel: ChannelId) -> Result<()> {
        let name = self.peer.session.borrow().key.consumer(channel);
        self.shard.node.bus.forget(&name).await
    }
}
