use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::ChannelId;
use parking_lot::RwLock;

/// How long the publishers of a channel are held for one subscriber that has fallen behind: long enough for one that
/// is only busy, short enough that one that is stuck does not matter to the others.
const PATIENCE: Duration = Duration::from_millis(200);

/// The channels with subscribers that have fallen behind, in all shards.
#[derive(Default)]
pub(crate) struct Pressure {
    /// How many there are, so that nothing is locked while there are none.
    count: AtomicUsize,
    channels: RwLock<HashMap<ChannelId, Pressed>>,
}

struct Pressed {
    subscribers: usize,
    /// When the last of them fell behind.
    since: Instant,
}

impl Pressure {
    /// Notes that a subscriber of the channel has fallen behind, until the result is dropped.
    pub(crate) fn press(self: &Arc<Self>, channel: ChannelId) -> Press {
        let mut channels = self.channels.write();
        let now = Instant::now();
        let pressed = channels.entry(channel).or_insert(Pressed {
            subscribers: 0,
            since: now,
        });
        pressed.subscribers += 1;
        pressed.since = now;
        self.count.store(channels.len(), Ordering::Relaxed);
        Press {
            pressure: self.clone(),
            channel,
        }
    }

    fn release(&self, channel: ChannelId) {
        let mut channels = self.channels.write();
        if let Some(pressed) = channels.get_mut(&channel) {
            pressed.subscribers -= 1;
            if pressed.subscribers == 0 {
                channels.remove(&channel);
            }
        }
        self.count.store(channels.len(), Ordering::Relaxed);
    }

    /// Tells whether publishers to the channel are to wait.
    pub(crate) fn holds(&self, channel: ChannelId) -> bool {
        self.count.load(Ordering::Relaxed) > 0
            && self
                .channels
                .read()
                .get(&channel)
                .is_some_and(|pressed| pressed.since.elapsed() < PATIENCE)
    }
}

/// A subscriber that has fallen behind.
pub(crate) struct Press {
    pressure: Arc<Pressure>,
    pub(crate) channel: ChannelId,
}

impl Drop for Press {
    fn drop(&mut self) {
        self.pressure.release(self.channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_are_held_until_all_have_caught_up_or_patience_ends() {
        let pressure = Arc::new(Pressure::default());
        let channel = ChannelId::random();
        let (first, second) = (pressure.press(channel), pressure.press(channel));
        assert!(pressure.holds(channel) && !pressure.holds(ChannelId::random()));
        drop(first);
        assert!(pressure.holds(channel));
        drop(second);
        assert!(!pressure.holds(channel));
        let _stuck = pressure.press(channel);
        if let Some(pressed) = pressure.channels.write().get_mut(&channel) {
            pressed.since -= PATIENCE;
        }
        assert!(!pressure.holds(channel), "patience has ended");
    }
}
