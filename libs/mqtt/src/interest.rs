use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use messaging::{Bus, Filter, LiveGuard, LiveSender, Message};
use model::{ChannelId, Result};
use parking_lot::RwLock;
use tokio::sync::OnceCell;

/// The most shards there can be: one bit each.
pub(crate) const MAX_SHARDS: usize = 64;

/// Which shards have live subscribers of which channel, and through that which channels the engine listens to on the bus.
pub(crate) struct Interests {
    bus: Arc<dyn Bus<Message>>,
    queue: LiveSender<Message>,
    channels: RwLock<HashMap<ChannelId, Channel>>,
    /// Grows with every change of a mask, so that shards know when what they remember is old.
    generation: AtomicU64,
}

#[derive(Default)]
struct Channel {
    /// How many subscriptions each shard has; shards beyond the end have none.
    counts: Vec<usize>,
    live: Arc<OnceCell<LiveGuard>>,
}

impl Channel {
    fn mask(&self) -> u64 {
        let bits = self.counts.iter().enumerate();
        bits.filter(|(_, count)| **count > 0)
            .fold(0, |mask, (shard, _)| mask | 1 << shard)
    }
}

impl Interests {
    pub(crate) fn new(bus: Arc<dyn Bus<Message>>, queue: LiveSender<Message>) -> Self {
        Self {
            bus,
            queue,
            channels: RwLock::default(),
            generation: AtomicU64::new(1),
        }
    }

    /// Returns once the shard gets every later message of the channel, until the interest is dropped.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        shard: usize,
        channel: ChannelId,
    ) -> Result<Interest> {
        let (interest, live) = self.count(shard, channel);
        live.get_or_try_init(|| self.bus.live(Filter::Channel(channel), &self.queue))
            .await?;
        Ok(interest)
    }

    fn count(
        self: &Arc<Self>,
        shard: usize,
        channel: ChannelId,
    ) -> (Interest, Arc<OnceCell<LiveGuard>>) {
        let mut channels = self.channels.write();
        let entry = channels.entry(channel).or_default();
        if entry.counts.len() <= shard {
            entry.counts.resize(shard + 1, 0);
        }
        entry.counts[shard] += 1;
        if entry.counts[shard] == 1 {
            self.generation.fetch_add(1, Ordering::Release);
        }
        let interest = Interest {
            interests: self.clone(),
            shard,
            channel,
        };
        (interest, entry.live.clone())
    }

    fn release(&self, shard: usize, channel: ChannelId) {
        let mut channels = self.channels.write();
        let Some(entry) = channels.get_mut(&channel) else {
            return;
        };
        entry.counts[shard] -= 1;
        if entry.counts[shard] > 0 {
            return;
        }
        self.generation.fetch_add(1, Ordering::Release);
        let unused = if entry.mask() == 0 {
            channels.remove(&channel)
        } else {
            None
        };
        // Leaving the bus is not done under the lock.
        drop(channels);
        drop(unused);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns a bit for each shard with subscribers of the channel.
    pub(crate) fn mask(&self, channel: ChannelId) -> u64 {
        self.channels.read().get(&channel).map_or(0, Channel::mask)
    }
}

/// Keeps messages of a channel coming to a shard; dropping it ends that.
pub(crate) struct Interest {
    interests: Arc<Interests>,
    shard: usize,
    channel: ChannelId,
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.interests.release(self.shard, self.channel);
    }
}
