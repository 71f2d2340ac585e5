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

    /// Makes what is received of a channel what the subscriptions say.
    pub(super) async fn align(&self, channel: ChannelId) -> Result<()> {
        let (entries, shared, queued) = {
            let session = self.peer.session.borrow();
            let subscriptions = &session.subscriptions;
            // A session that is no longer to be kept may still have a queue from before.
            let queue = session.is_persistent() || session.queues;
            let queued = queue && subscriptions.wants_acknowledged(channel);
            let all = subscriptions.of(channel).iter().cloned();
            let (shared, entries): (Vec<Entry>, Vec<Entry>) =
                all.partition(|(filter, _)| filter.group().is_some());
            (entries, shared, queued)
        };
        if entries.is_empty() && shared.is_empty() {
            return self.leave(channel).await;
        }
        if entries.is_empty() {
            self.receive_nothing(channel).await?;
        } else if queued {
            self.receive_queued(channel, &entries).await?;
        } else {
            self.receive_live(channel, &entries).await?;
        }
        self.receive_shared(&shared).await
    }

    /// Receives nothing of a channel but what is shared.
    async fn receive_nothing(&self, channel: ChannelId) -> Result<()> {
        let before = self.sources.borrow_mut().insert(channel, Source::Joined);
        self.end_queue(channel, before).await
    }

    async fn receive_live(&self, channel: ChannelId, entries: &[Entry]) -> Result<()> {
        let live = matches!(self.sources.borrow().get(&channel), Some(Source::Live(_)));
        if !live {
            let interest = self.shard.interest(channel).await?;
            let source = Source::Live(interest);
            let before = self.sources.borrow_mut().insert(channel, source);
            self.end_queue(channel, before).await?;
        }
        for (filter, subscription) in entries {
            self.shard.subscribe(filter, self.peer.id, *subscription);
        }
        Ok(())
    }

    async fn receive_queued(&self, channel: ChannelId, entries: &[Entry]) -> Result<()> {
        let queued = matches!(self.sources.borrow().get(&channel), Some(Source::Queue(_)));
        if queued {
            return Ok(());
        }
        let feed = Feed::start(&self.shard, &self.peer, Queue::Channel(channel)).await?;
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
