//! The state that belongs to a client rather than to a connection, without any input or output.

mod exchanges;
mod inbound;
mod leases;
#[cfg(test)]
mod lives;
mod outbound;
mod subscriptions;

use std::collections::HashSet;
use std::time::Duration;

use model::{ChannelId, MessageId, Timestamp};

use crate::key::ClientKey;
use crate::packet::Will;
use crate::topic::TopicFilter;

pub(crate) use exchanges::Exchanges;
pub(crate) use inbound::{Arrival, Inbound};
pub(crate) use leases::Leases;
pub(crate) use outbound::{Delivery, Offer, Outbound, Place, Taken, Window};
pub(crate) use subscriptions::{Subscriptions, Wanted};

/// How many of its own messages a session recognises at a time when they come back from its durable queue.
const MAX_OWN: usize = 4096;

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) key: ClientKey,
    /// How long it outlives its connection.
    pub(crate) expiry: Duration,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
    pub(crate) leases: Leases,
    /// Whether it may be in the bucket of sessions.
    pub(crate) stored: bool,
    /// Whether it was there: should it be gone, another node has removed it.
    pub(crate) confirmed: bool,
    /// Whether it may have durable queues of its own.
    pub(crate) queues: bool,
    /// When it was stored last, by this node as far as it knows.
    pub(crate) saved: Timestamp,
    /// The will of its connection, or of its last one while that is delayed.
    pub(crate) will: Option<Box<Will>>,
    own: HashSet<MessageId>,
}

impl Session {
    pub(crate) fn new(key: ClientKey, expiry: Duration) -> Self {
        Self {
            key,
            expiry,
            subscriptions: Subscriptions::default(),
            inbound: Inbound::default(),
            outbound: Outbound::default(),
            leases: Leases::default(),
            stored: false,
            confirmed: false,
            queues: false,
            saved: Timestamp::default(),
            will: None,
            own: HashSet::new(),
        }
    }

    /// Tells whether it outlives its connection.
    pub(crate) fn is_persistent(&self) -> bool {
        !self.expiry.is_zero()
    }

    /// Tells whether it is to be stored: also what is not persistent has a will that outlives the process, and is counted as a
    /// member of groups by what is stored.
    pub(crate) fn is_to_be_stored(&self) -> bool {
        self.is_persistent() || self.will.is_some() || self.subscriptions.groups().next().is_some()
    }

    /// Forgets everything of a channel it may not receive from any more; returns the groups it leaves.
    pub(crate) fn lose(&mut self, channel: ChannelId) -> Vec<TopicFilter> {
        self.outbound.forget(channel);
        self.subscriptions.remove_channel(channel)
    }

    /// Remembers a message of its own, where a subscription with No Local would meet it in a durable queue.
    pub(crate) fn note_own(&mut self, message: MessageId) {
        if self.is_persistent() && self.subscriptions.has_no_local() && self.own.len() < MAX_OWN {
            self.own.insert(message);
        }
    }

    /// Tells whether a message is its own, once.
    pub(crate) fn take_own(&mut self, message: MessageId) -> bool {
        self.own.remove(&message)
    }
}
