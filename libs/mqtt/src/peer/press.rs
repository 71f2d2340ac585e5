use std::sync::Arc;

use model::ChannelId;

use super::Peer;
use crate::pressure::Pressure;

/// Publishers wait when more than this part of what may wait for a client does: a half.
const HIGH: usize = 2;
/// They go on when less than this part does: a quarter.
const LOW: usize = 4;
/// How many channels one client can press at a time; beyond that it may lose messages.
const MAX_PRESSED: usize = 16;

impl Peer {
    /// Has the publishers of a channel wait for a while when too much waits for this client.
    pub(super) fn press_when_behind(&self, pressure: &Arc<Pressure>, channel: ChannelId) {
        if !self.is_beyond(HIGH) {
            return;
        }
        let mut pressing = self.pressing.borrow_mut();
        let known = pressing.iter().any(|press| press.channel == channel);
        if !known && pressing.len() < MAX_PRESSED {
            pressing.push(pressure.press(channel));
        }
    }

    /// Lets publishers go on that wait for this client, when it has caught up.
    pub(crate) fn relieve(&self) {
        if !self.pressing.borrow().is_empty() && !self.is_beyond(LOW) {
            self.pressing.borrow_mut().clear();
        }
    }

    /// Lets publishers go on that wait for this client, because it is gone.
    pub(crate) fn give_up(&self) {
        self.pressing.borrow_mut().clear();
    }

    /// Tells whether more than a part of what may wait for this client does.
    fn is_beyond(&self, part: usize) -> bool {
        let output = self.out.borrow().len() > self.max_output / part;
        output || self.session.borrow().outbound.is_beyond(self.window, part)
    }
}
