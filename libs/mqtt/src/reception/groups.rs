use model::Result;

use super::Reception;
use crate::feed::Feed;
use crate::queue::{Queue, QueueId};
use crate::topic::TopicFilter;

impl Reception {
    /// Begins to take part in the group of a shared subscription.
    pub(super) async fn receive_shared(&self, filter: &TopicFilter) -> Result<()> {
        let known = self.groups.borrow().contains_key(filter);
        if !known {
            let queue = Queue::Group(filter.clone());
            let feed = Feed::start(&self.shard, &self.peer, queue).await?;
            self.groups.borrow_mut().insert(filter.clone(), feed);
        }
        Ok(())
    }

    /// Leaves a group for good; what the client was sent of it stays the client's.
    pub(super) async fn leave_group(&self, filter: &TopicFilter) -> Result<()> {
        let feed = self.groups.borrow_mut().remove(filter);
        if let Some(feed) = feed
            && let Some(mut consumer) = feed.stop().await
        {
            let id = QueueId::of_group(filter);
            let sent = self.peer.session.borrow().outbound.places(id);
            for seq in sent {
                consumer.ack(seq);
            }
        }
        let key = self.peer.session.borrow().key.clone();
        let left = [filter.clone()];
        self.shard.node.store.leave_groups(&key, &left).await
    }

    /// Stops to take part while the client is away: the other members get what it has not received.
    pub(super) async fn end_groups(&self) {
        let feeds = self.groups.take();
        for (filter, feed) in feeds {
            let Some(consumer) = feed.stop().await else {
                continue;
            };
            let id = QueueId::of_group(&filter);
            let mut session = self.peer.session.borrow_mut();
            let begun = session.outbound.part_with(id);
            if !begun.is_empty() {
                session.leases.keep(id, consumer, begun);
            }
        }
    }
}
