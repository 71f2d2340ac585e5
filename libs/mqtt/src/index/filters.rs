mod node;

use std::collections::HashMap;

use crate::topic::TopicFilter;
use node::Node;

/// Something for each of the filters of one channel, found by filter and by topic, however many filters there are.
///
/// What filters have before the channel, the group of a shared subscription, is not looked at.
#[derive(Debug)]
pub(crate) struct Filters<V> {
    exact: HashMap<Box<str>, V>,
    wild: Node<V>,
}

impl<V> Default for Filters<V> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wild: Node::default(),
        }
    }
}

impl<V> Filters<V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wild.is_empty()
    }

    pub(crate) fn get(&self, filter: &TopicFilter) -> Option<&V> {
        if filter.is_wildcard() {
            self.wild.get(filter.tail())
        } else {
            self.exact.get(filter.tail())
        }
    }

    pub(crate) fn get_mut(&mut self, filter: &TopicFilter) -> Option<&mut V> {
        if filter.is_wildcard() {
            self.wild.get_mut(filter.tail())
        } else {
            self.exact.get_mut(filter.tail())
        }
    }

    /// Sets what a filter has, and returns what that replaces.
    pub(crate) fn insert(&mut self, filter: &TopicFilter, value: V) -> Option<V> {
        if filter.is_wildcard() {
            self.wild.insert(filter.tail(), value)
        } else {
            self.exact.insert(filter.tail().into(), value)
        }
    }

    pub(crate) fn remove(&mut self, filter: &TopicFilter) -> Option<V> {
        if filter.is_wildcard() {
            self.wild.remove(filter.tail())
        } else {
            self.exact.remove(filter.tail())
        }
    }

    /// Calls `each` for every filter that matches a topic, given as what follows `messages` in it.
    pub(crate) fn find(&self, tail: &str, each: &mut impl FnMut(&V)) {
        if let Some(value) = self.exact.get(tail) {
            each(value);
        }
        self.wild.find(tail, each);
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.exact.values().chain(self.wild.values())
    }
}
