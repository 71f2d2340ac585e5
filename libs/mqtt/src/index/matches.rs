use std::num::NonZeroU32;
use std::ops::Range;

use super::Subscription;
use crate::packet::Qos;

/// The subscribers of one topic, each once.
#[derive(Debug)]
pub struct Matches<S> {
    /// One for each subscription; in the order of the subscribers when they overlap.
    raw: Vec<(S, Subscription)>,
    /// How many filters had subscribers.
    filters: usize,
    matches: Vec<Match<S>>,
    ids: Vec<NonZeroU32>,
}

/// A subscriber of a topic, with what its overlapping subscriptions come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<S> {
    /// The subscriber.
    pub subscriber: S,
    /// The highest QoS of the subscriptions.
    pub qos: Qos,
    /// Whether one of the subscriptions wants the retain flag as published.
    pub retain_as_published: bool,
    ids: Range<usize>,
}

impl<S> Default for Matches<S> {
    fn default() -> Self {
        Self {
            raw: Vec::new(),
            filters: 0,
            matches: Vec::new(),
            ids: Vec::new(),
        }
    }
}

impl<S> Matches<S> {
    /// Returns the subscribers, in no order.
    pub fn iter(&self) -> std::slice::Iter<'_, Match<S>> {
        self.matches.iter()
    }

    /// Returns the identifiers of all subscriptions of a match that have one.
    pub fn ids(&self, of: &Match<S>) -> &[NonZeroU32] {
        self.ids.get(of.ids.clone()).unwrap_or_default()
    }

    /// Tells whether there is no subscriber.
    pub fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }

    /// Returns the number of subscribers.
    pub fn len(&self) -> usize {
        self.matches.len()
    }
}

impl<'a, S> IntoIterator for &'a Matches<S> {
    type Item = &'a Match<S>;
    type IntoIter = std::slice::Iter<'a, Match<S>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<S: Copy + Ord> Matches<S> {
    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.filters = 0;
        self.matches.clear();
        self.ids.clear();
    }

    /// Adds the subscribers of one filter, which has each at most once.
    pub(super) fn add(&mut self, entries: &[(S, Subscription)], publisher: Option<S>) {
        let others =
            |entry: &&(S, Subscription)| !(entry.1.options.no_local && publisher == Some(entry.0));
        self.raw.extend(entries.iter().filter(others));
        self.filters += usize::from(!entries.is_empty());
    }

    /// Turns the subscriptions that were added into one match for each subscriber.
    pub(super) fn merge(&mut self) {
        if self.filters > 1 {
            self.raw.sort_unstable_by_key(|entry| entry.0);
        }
        for (subscriber, Subscription { options, id }) in &self.raw {
            let start = self.ids.len();
            self.ids.extend(id);
            match self.matches.last_mut() {
                Some(last) if last.subscriber == *subscriber => {
                    last.qos = last.qos.max(options.qos);
                    last.retain_as_published |= options.retain_as_published;
                    last.ids.end = self.ids.len();
                }
                _ => self.matches.push(Match {
                    subscriber: *subscriber,
                    qos: options.qos,
                    retain_as_published: options.retain_as_published,
                    ids: start..self.ids.len(),
                }),
            }
        }
    }
}
