use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;

use model::ChannelId;

use crate::index::Subscription;
use crate::packet::Qos;
use crate::queue::QueueId;
use crate::topic::TopicFilter;

/// The subscriptions of one session, by channel.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    channels: HashMap<ChannelId, Vec<(TopicFilter, Subscription)>>,
    len: usize,
    no_local: usize,
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
        self.no_local += usize::from(subscription.options.no_local);
        let entries = self.channels.entry(filter.channel()).or_default();
        if let Some(entry) = entries.iter_mut().find(|(known, _)| known == filter) {
            // It may have been written relative before and absolute now.
            let (_, old) = std::mem::replace(entry, (filter.clone(), subscription));
            self.no_local -= usize::from(old.options.no_local);
            return Some(old);
        }
        entries.push((filter.clone(), subscription));
        self.len += 1;
        None
    }

    pub(crate) fn get(&self, filter: &TopicFilter) -> Option<Subscription> {
        let mut entries = self.of(filter.channel()).iter();
        let found = entries.find(|(known, _)| known == filter);
        found.map(|(_, subscription)| *subscription)
    }

    /// Removes a subscription, and returns it when there was one.
    pub(crate) fn remove(&mut self, filter: &TopicFilter) -> Option<Subscription> {
        let entries = self.channels.get_mut(&filter.channel())?;
        let at = entries.iter().position(|(known, _)| known == filter)?;
        let (_, old) = entries.swap_remove(at);
        if entries.is_empty() {
            self.channels.remove(&filter.channel());
        }
        self.len -= 1;
        self.no_local -= usize::from(old.options.no_local);
        Some(old)
    }

    /// Removes all subscriptions of a channel, and returns the shared filters among them.
    pub(crate) fn remove_channel(&mut self, channel: ChannelId) -> Vec<TopicFilter> {
        let mut shared = Vec::new();
        for (filter, old) in self.channels.remove(&channel).unwrap_or_default() {
            self.len -= 1;
            self.no_local -= usize::from(old.options.no_local);
            if filter.group().is_some() {
                shared.push(filter);
            }
        }
        shared
    }

    /// Returns the subscriptions of a channel.
    pub(crate) fn of(&self, channel: ChannelId) -> &[(TopicFilter, Subscription)] {
        self.channels.get(&channel).map_or(&[], Vec::as_slice)
    }

    /// Returns the subscriptions of a channel that are not shared.
    pub(crate) fn own(
        &self,
        channel: ChannelId,
    ) -> impl Iterator<Item = &(TopicFilter, Subscription)> {
        let all = self.of(channel).iter();
        all.filter(|(filter, _)| filter.group().is_none())
    }

    /// Returns the filters that are shared.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &TopicFilter> {
        let all = self.iter().map(|(filter, _)| filter);
        all.filter(|filter| filter.group().is_some())
    }

    /// Returns the durable queues there may be for them.
    pub(crate) fn queues(&self) -> HashSet<QueueId> {
        let channels = self.channels.keys().map(|channel| (*channel).into());
        channels
            .chain(self.groups().map(QueueId::of_group))
            .collect()
    }

    /// Returns the channels that have subscriptions.
    pub(crate) fn channels(&self) -> Vec<ChannelId> {
        self.channels.keys().copied().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(TopicFilter, Subscription)> {
        self.channels.values().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn has_no_local(&self) -> bool {
        self.no_local > 0
    }

    /// Tells whether something of the channel that is not shared is wanted with an acknowledgement.
    pub(crate) fn wants_acknowledged(&self, channel: ChannelId) -> bool {
        let mut entries = self.own(channel);
        entries.any(|(_, subscription)| subscription.options.qos > Qos::AtMostOnce)
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
        let mut wanted: Option<Wanted> = None;
        for (filter, Subscription { options, id }) in self.own(channel) {
            if !filter.matches(channel, tail) || (own && options.no_local) {
                continue;
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
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SubscribeOptions;

    fn filter(channel: ChannelId, tail: &str) -> TopicFilter {
        TopicFilter::parse(&format!("channels/{channel}/messages{tail}")).unwrap()
    }

    fn with(qos: Qos, no_local: bool, id: u32) -> Subscription {
        Subscription {
            options: SubscribeOptions {
                qos,
                no_local,
                ..SubscribeOptions::default()
            },
            id: NonZeroU32::new(id),
        }
    }

    #[test]
    fn overlapping_subscriptions_come_to_one_copy() {
        let channel = ChannelId::random();
        let mut subscriptions = Subscriptions::default();
        subscriptions.set(&filter(channel, "/#"), with(Qos::AtMostOnce, false, 7));
        subscriptions.set(&filter(channel, "/a"), with(Qos::ExactlyOnce, true, 9));
        let wanted = subscriptions.wanted(channel, "/a", false).unwrap();
        assert_eq!((wanted.qos, wanted.ids.len()), (Qos::ExactlyOnce, 2));
        let own = subscriptions.wanted(channel, "/a", true).unwrap();
        assert_eq!(
            (own.qos, own.ids),
            (Qos::AtMostOnce, vec![NonZeroU32::new(7).unwrap()])
        );
        assert_eq!(subscriptions.wanted(ChannelId::random(), "/a", false), None);
    }

    #[test]
    fn setting_again_replaces_and_removing_forgets() {
        let channel = ChannelId::random();
        let mut subscriptions = Subscriptions::default();
        let all = filter(channel, "/#");
        assert_eq!(
            subscriptions.set(&all, with(Qos::AtLeastOnce, true, 0)),
            None
        );
        assert!(subscriptions.wants_acknowledged(channel) && subscriptions.has_no_local());
        assert!(
            subscriptions
                .set(&all, with(Qos::AtMostOnce, false, 0))
                .is_some()
        );
        assert!(!subscriptions.wants_acknowledged(channel) && !subscriptions.has_no_local());
        assert_eq!(subscriptions.len(), 1);
        assert!(subscriptions.remove(&all).is_some());
        assert!(subscriptions.remove(&all).is_none());
        assert!(subscriptions.channels().is_empty() && subscriptions.len() == 0);
        subscriptions.set(&all, with(Qos::AtLeastOnce, true, 0));
        subscriptions.remove_channel(channel);
        assert!(subscriptions.len() == 0 && !subscriptions.has_no_local());
    }
}
