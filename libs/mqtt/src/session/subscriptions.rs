use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use model::ChannelId;

use crate::index::{Filters, Subscription};
use crate::packet::Qos;
use crate::queue::QueueId;
use crate::topic::TopicFilter;

/// The subscriptions of one session; those that are not shared are found however many there are.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// Those that are not shared.
    own: HashMap<ChannelId, Own>,
    shared: HashMap<TopicFilter, Subscription>,
    /// How many are not shared, and how many of those have No Local.
    count: usize,
    no_local: usize,
}

/// The subscriptions of one channel that are not shared.
#[derive(Debug, Default)]
struct Own {
    filters: Filters<(TopicFilter, Subscription)>,
    /// How many of them want an acknowledgement.
    acknowledged: usize,
}

/// What the subscriptions that match a message come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) qos: Qos,
    pub(crate) retain_as_published: bool,
    /// Whether they are all relative.
    pub(crate) relative: bool,
    pub(crate) ids: Vec<NonZeroU32>,
}

impl Subscriptions {
    /// Sets a subscription, and returns the one it replaces.
    pub(crate) fn set(
        &mut self,
        filter: &TopicFilter,
        subscription: Subscription,
    ) -> Option<Subscription> {
        // What was written relative before may be absolute now, so the filter is replaced, too.
        let old = self.remove(filter);
        if filter.group().is_some() {
            self.shared.insert(filter.clone(), subscription);
            return old;
        }
        self.count += 1;
        self.no_local += usize::from(subscription.options.no_local);
        let own = self.own.entry(filter.channel()).or_default();
        own.acknowledged += usize::from(is_acknowledged(subscription));
        own.filters.insert(filter, (filter.clone(), subscription));
        old
    }

    pub(crate) fn get(&self, filter: &TopicFilter) -> Option<Subscription> {
        if filter.group().is_some() {
            return self.shared.get(filter).copied();
        }
        let own = self.own.get(&filter.channel())?;
        own.filters
            .get(filter)
            .map(|(_, subscription)| *subscription)
    }

    /// Removes a subscription, and returns it when there was one.
    pub(crate) fn remove(&mut self, filter: &TopicFilter) -> Option<Subscription> {
        if filter.group().is_some() {
            return self.shared.remove(filter);
        }
        let own = self.own.get_mut(&filter.channel())?;
        let (_, old) = own.filters.remove(filter)?;
        own.acknowledged -= usize::from(is_acknowledged(old));
        if own.filters.is_empty() {
            self.own.remove(&filter.channel());
        }
        self.count -= 1;
        self.no_local -= usize::from(old.options.no_local);
        Some(old)
    }

    /// Removes all subscriptions of a channel, and returns the shared filters among them.
    pub(crate) fn remove_channel(&mut self, channel: ChannelId) -> Vec<TopicFilter> {
        let own = self.own.remove(&channel).unwrap_or_default();
        for (_, old) in own.filters.values() {
            self.count -= 1;
            self.no_local -= usize::from(old.options.no_local);
        }
        let shared = self
            .shared
            .extract_if(|filter, _| filter.channel() == channel);
        shared.map(|(filter, _)| filter).collect()
    }

    /// Returns the subscriptions of a channel that are not shared.
    pub(crate) fn own(
        &self,
        channel: ChannelId,
    ) -> impl Iterator<Item = &(TopicFilter, Subscription)> {
        let own = self.own.get(&channel).into_iter();
        own.flat_map(|own| own.filters.values())
    }

    /// Tells whether there is a subscription of the channel that is not shared.
    pub(crate) fn has_own(&self, channel: ChannelId) -> bool {
        self.own.contains_key(&channel)
    }

    /// Tells whether there is one that is.
    pub(crate) fn has_shared(&self, channel: ChannelId) -> bool {
        self.groups().any(|filter| filter.channel() == channel)
    }

    /// Returns the filters that are shared.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &TopicFilter> {
        self.shared.keys()
    }

    /// Returns the durable queues there may be for them.
    pub(crate) fn queues(&self) -> HashSet<QueueId> {
        let channels = self.own.keys().map(|channel| (*channel).into());
        channels
            .chain(self.groups().map(QueueId::of_group))
            .collect()
    }

    /// Returns the channels that have subscriptions.
    pub(crate) fn channels(&self) -> HashSet<ChannelId> {
        let own = self.own.keys().copied();
        own.chain(self.groups().map(TopicFilter::channel)).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TopicFilter, &Subscription)> {
        let own = self.own.values().flat_map(|own| own.filters.values());
        own.map(|(filter, subscription)| (filter, subscription))
            .chain(&self.shared)
    }

    pub(crate) fn len(&self) -> usize {
        self.count + self.shared.len()
    }

    pub(crate) fn has_no_local(&self) -> bool {
        self.no_local > 0
    }

    /// Tells whether something of the channel that is not shared is wanted with an acknowledgement.
    pub(crate) fn wants_acknowledged(&self, channel: ChannelId) -> bool {
        let own = self.own.get(&channel);
        own.is_some_and(|own| own.acknowledged > 0)
    }

    /// Returns what the subscription to a shared filter wants of a message, given by what follows `messages` in its topic.
    pub(crate) fn wanted_of_group(&self, filter: &TopicFilter, tail: &str) -> Option<Wanted> {
        let Subscription { options, id } = self.get(filter)?;
        let matches = filter.matches(filter.channel(), tail);
        matches.then(|| Wanted {
            qos: options.qos,
            retain_as_published: options.retain_as_published,
            relative: filter.is_relative(),
            ids: id.into_iter().collect(),
        })
    }

    /// Returns what is wanted of a message that is not shared, given by its channel and what follows `messages` in its topic.
    pub(crate) fn wanted(&self, channel: ChannelId, tail: &str, own: bool) -> Option<Wanted> {
        let filters = &self.own.get(&channel)?.filters;
        let mut wanted: Option<Wanted> = None;
        filters.find(tail, &mut |(filter, Subscription { options, id })| {
            if filter.is_kept_from(tail) || (own && options.no_local) {
                return;
            }
            let wanted = wanted.get_or_insert(Wanted {
                qos: Qos::AtMostOnce,
                retain_as_published: false,
                relative: true,
                ids: Vec::new(),
            });
            wanted.relative &= filter.is_relative();
            wanted.qos = wanted.qos.max(options.qos);
            wanted.retain_as_published |= options.retain_as_published;
            wanted.ids.extend(id);
        });
        wanted
    }
}

fn is_acknowledged(subscription: Subscription) -> bool {
    subscription.options.qos > Qos::AtMostOnce
}

#[cfg(test)]
mod tests;
