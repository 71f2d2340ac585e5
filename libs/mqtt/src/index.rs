//! Who subscribes to what: channel first, then exact topics, then wildcards.

mod filters;
mod matches;

use std::collections::HashMap;
use std::num::NonZeroU32;

use model::ChannelId;

pub(crate) use filters::Filters;
pub use matches::{Match, Matches};

use crate::packet::SubscribeOptions;
use crate::topic::TopicFilter;

/// What a subscriber asked for with one filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The options of the SUBSCRIBE.
    pub options: SubscribeOptions,
    /// The identifier to send along with each delivery.
    pub id: Option<NonZeroU32>,
}

/// The subscriptions of many subscribers, found by topic.
///
/// `S` stands for a subscriber and is small. The group of a shared subscription is not looked at.
#[derive(Debug)]
pub struct Index<S> {
    channels: HashMap<ChannelId, Filters<Entries<S>>>,
}

/// The subscribers of one filter, in order, so that one is found quickly among many.
#[derive(Debug)]
struct Entries<S>(Vec<(S, Subscription)>);

impl<S> Default for Index<S> {
    fn default() -> Self {
        Self {
            channels: HashMap::new(),
        }
    }
}

impl<S: Copy + Ord> Index<S> {
    /// Adds a subscription, and returns the one it replaces.
    pub fn insert(
        &mut self,
        filter: &TopicFilter,
        subscriber: S,
        subscription: Subscription,
    ) -> Option<Subscription> {
        let filters = self.channels.entry(filter.channel()).or_default();
        if let Some(entries) = filters.get_mut(filter) {
            return entries.insert(subscriber, subscription);
        }
        filters.insert(filter, Entries(vec![(subscriber, subscription)]));
        None
    }

    /// Removes a subscription, and returns it when there was one.
    pub fn remove(&mut self, filter: &TopicFilter, subscriber: S) -> Option<Subscription> {
        let filters = self.channels.get_mut(&filter.channel())?;
        let entries = filters.get_mut(filter)?;
        let removed = entries.remove(subscriber);
        if entries.0.is_empty() {
            filters.remove(filter);
        }
        if filters.is_empty() {
            self.channels.remove(&filter.channel());
        }
        removed
    }

    /// Finds the subscribers of a topic, given as its channel and what follows `messages`, each once.
    ///
    /// Subscriptions with No Local are left out where they are the publisher's own. `found` is emptied first;
    /// using it again saves its memory.
    pub fn find(
        &self,
        channel: ChannelId,
        tail: &str,
        publisher: Option<S>,
        found: &mut Matches<S>,
    ) {
        found.clear();
        if let Some(filters) = self.channels.get(&channel) {
            filters.find(tail, &mut |entries| found.add(&entries.0, publisher));
            found.merge();
        }
    }

    /// Tells whether anybody subscribes to anything of the channel.
    pub fn has_channel(&self, channel: ChannelId) -> bool {
        self.channels.contains_key(&channel)
    }
}

impl<S: Copy + Ord> Entries<S> {
    fn insert(&mut self, subscriber: S, subscription: Subscription) -> Option<Subscription> {
        match self.0.binary_search_by_key(&subscriber, |entry| entry.0) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, subscription)),
            Err(at) => {
                self.0.insert(at, (subscriber, subscription));
                None
            }
        }
    }

    fn remove(&mut self, subscriber: S) -> Option<Subscription> {
        let at = self
            .0
            .binary_search_by_key(&subscriber, |entry| entry.0)
            .ok()?;
        Some(self.0.remove(at).1)
    }
}

#[cfg(test)]
mod tests;
