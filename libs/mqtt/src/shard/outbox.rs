use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use model::ChannelId;
use tokio::sync::Notify;

use crate::interest::Interests;
use crate::mailbox::{Mail, Mailbox};

/// The most channels a shard remembers the subscribers of; then it starts afresh.
const MAX_REMEMBERED: usize = 65_536;

/// What a shard sends to others: collected during one turn of the event loop, posted at its end.
pub(super) struct Outbox {
    mails: RefCell<Vec<Vec<Mail>>>,
    pending: Cell<bool>,
    filled: Notify,
    masks: RefCell<Masks>,
}

/// Which shards have subscribers, as of a generation of [`Interests`].
#[derive(Default)]
struct Masks {
    generation: u64,
    by_channel: HashMap<ChannelId, u64>,
}

impl Outbox {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            mails: RefCell::new((0..shards).map(|_| Vec::new()).collect()),
            pending: Cell::new(false),
            filled: Notify::new(),
            masks: RefCell::default(),
        }
    }

    pub(super) fn put(&self, shard: usize, mail: Mail) {
        self.mails.borrow_mut()[shard].push(mail);
        if !self.pending.replace(true) {
            self.filled.notify_one();
        }
    }

    /// Posts what was collected, for ever.
    pub(super) async fn post(&self, mailboxes: &[Mailbox]) {
        loop {
            self.filled.notified().await;
            self.pending.set(false);
            for (mailbox, mails) in mailboxes.iter().zip(self.mails.borrow_mut().iter_mut()) {
                if !mails.is_empty() {
                    mailbox.post(mails);
                }
            }
        }
    }

    /// Returns a bit for each shard that has subscribers of the channel.
    pub(super) fn mask(&self, interests: &Interests, channel: ChannelId) -> u64 {
        let mut masks = self.masks.borrow_mut();
        let generation = interests.generation();
        if masks.generation != generation || masks.by_channel.len() >= MAX_REMEMBERED {
            masks.generation = generation;
            masks.by_channel.clear();
        }
        *masks
            .by_channel
            .entry(channel)
            .or_insert_with(|| interests.mask(channel))
    }
}
