use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use messaging::Message;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::access::Origin;
use crate::session::Session;
use crate::takeover::Elsewhere;
use crate::transport::Transport;

/// What one thread tells a shard.
pub(crate) enum Mail {
    /// A message that the shard has subscribers for.
    Deliver(Arc<Message>),
    /// Another connection of the same client wants the session of this generation; no answer means that there is none.
    Claim(u64, oneshot::Sender<Session>),
    /// Another node has taken the session of this generation.
    TakenAway(u64, Elsewhere),
    /// A connection that was accepted elsewhere.
    Attach(Transport, Origin),
}

/// Where a shard gets its mail: senders append many at a time, the shard takes all at once.
#[derive(Default)]
pub(crate) struct Mailbox {
    mails: Mutex<Vec<Mail>>,
    len: AtomicUsize,
    arrived: Notify,
}

impl Mailbox {
    pub(crate) fn post(&self, mails: &mut Vec<Mail>) {
        let mut waiting = self.mails.lock();
        waiting.append(mails);
        self.len.store(waiting.len(), Ordering::Relaxed);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Waits until there is mail and takes it all.
    pub(crate) async fn take(&self) -> Vec<Mail> {
        loop {
            let mails = std::mem::take(&mut *self.mails.lock());
            if !mails.is_empty() {
                self.len.store(0, Ordering::Relaxed);
                return mails;
            }
            self.arrived.notified().await;
        }
    }

    /// How much waits, for those who would add to it.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }
}
