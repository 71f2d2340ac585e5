use std::sync::Arc;

use crate::Record;
use crate::bus::LiveGuard;
use crate::index::{Index, Slot};
use crate::live::LiveSender;

/// The live subscriptions of one bus in this process; both backends deliver through it.
pub(crate) struct Router<T: Record> {
    queues: Arc<Index<T, LiveSender<T>>>,
}

impl<T: Record> Router<T> {
    pub(crate) fn new() -> Self {
        Self {
            queues: Arc::new(Index::new()),
        }
    }

    /// Subscribes a queue until the guard is dropped.
    pub(crate) fn subscribe(&self, filter: T::Filter, queue: &LiveSender<T>) -> LiveGuard {
        LiveGuard::new(Subscription {
            slot: self.queues.insert(filter, queue.clone()),
            queues: self.queues.clone(),
        })
    }

    /// Offers a record to every queue that asked for it; never waits and allocates nothing.
    pub(crate) fn deliver(&self, record: &Arc<T>) {
        self.queues.concerned(record, |queue| queue.offer(record));
    }
}

struct Subscription<T: Record> {
    queues: Arc<Index<T, LiveSender<T>>>,
    slot: Slot<T::Key>,
}

impl<T: Record> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.queues.remove(&self.slot);
    }
}

#[cfg(test)]
mod tests {
    use model::{ChannelId, Subtopic};

    use super::*;
    use crate::live::{LiveLimits, LiveReceiver, Overflow, live_queue};
    use crate::message::testing::message;
    use crate::{Filter, Message};

    fn subscribe(router: &Router<Message>, filter: Filter) -> (LiveReceiver<Message>, LiveGuard) {
        let (sender, receiver) = live_queue(LiveLimits {
            messages: 10,
            bytes: usize::MAX,
            overflow: Overflow::Cut,
        });
        let guard = router.subscribe(filter, &sender);
        (receiver, guard)
    }

    #[test]
    fn a_record_reaches_exactly_those_who_chose_it() {
        let router = Router::new();
        let record = Arc::new(message("a.b"));
        let pattern =
            |text: &str| Filter::Subtopic(record.channel, Subtopic::from_levels(text).unwrap());
        let chosen = [
            Filter::All,
            Filter::Channel(record.channel),
            pattern("a.*"),
            pattern("a.b"),
        ];
        let others = [
            Filter::Channel(ChannelId::random()),
            pattern("a"),
            pattern(""),
        ];
        let mut chosen = chosen.map(|filter| subscribe(&router, filter));
        let mut others = others.map(|filter| subscribe(&router, filter));

        router.deliver(&record);

        for (receiver, _guard) in &mut chosen {
            assert_eq!(receiver.try_recv().unwrap().id, record.id);
            assert!(receiver.try_recv().is_none());
        }
        for (receiver, _guard) in &mut others {
            assert!(receiver.try_recv().is_none());
        }
    }

    #[tokio::test]
    async fn dropping_the_guard_ends_the_subscription() {
        let router = Router::new();
        let record = Arc::new(message(""));
        for filter in [Filter::All, Filter::Channel(record.channel)] {
            let (mut receiver, guard) = subscribe(&router, filter);
            drop(guard);
            router.deliver(&record);
            assert_eq!(receiver.recv().await, Err(crate::live::LiveEnd::Closed));
        }
    }
}
