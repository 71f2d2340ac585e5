use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use super::ending::End;
use crate::packet::Reason;

/// Ends a connection that has been silent for too long.
pub(super) struct KeepAlive {
    limit: Duration,
    heard: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl KeepAlive {
    /// Allows one and a half times the interval (MQTT 3.1.1 section 3.1.2.10); 0 turns it off.
    pub(super) fn new(seconds: u16) -> Option<Self> {
        let limit = Duration::from_millis(u64::from(seconds) * 1500);
        (seconds > 0).then(|| Self {
            limit,
            heard: Instant::now(),
            sleep: Box::pin(sleep(limit)),
        })
    }

    /// Notes that the client was heard.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Fails when the time is up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        // The timer is set anew when it fires, not with every packet.
        while self.sleep.as_mut().poll(cx).is_ready() {
            let deadline = self.heard + self.limit;
            if deadline <= Instant::now() {
                return Err(End::close(
                    Reason::KeepAliveTimeout,
                    "nothing was heard within the keep-alive",
                ));
            }
            self.sleep.as_mut().reset(deadline);
        }
        Ok(())
    }
}
