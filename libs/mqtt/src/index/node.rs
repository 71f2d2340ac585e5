use std::collections::HashMap;

use super::{Entries, Subscription};
use crate::topic::levels;

/// A level of the filters with wildcards; `+` is a child like any other, as no topic has it.
#[derive(Debug)]
pub(super) struct Node<S> {
    children: HashMap<Box<str>, Node<S>>,
    /// The subscribers of the filter that ends here.
    here: Entries<S>,
    /// The subscribers of the filter that ends here in `/#`.
    below: Entries<S>,
}

impl<S> Default for Node<S> {
    fn default() -> Self {
        Self {
            children: HashMap::new(),
            here: Entries::default(),
            below: Entries::default(),
        }
    }
}

impl<S: Copy + Ord> Node<S> {
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.here.0.is_empty() && self.below.0.is_empty()
    }

    /// Returns the subscribers of a filter, making room for it.
    pub(super) fn entries_mut(&mut self, tail: &str) -> &mut Entries<S> {
        let mut node = self;
        for level in levels(tail) {
            if level == "#" {
                return &mut node.below;
            }
            node = node.children.entry(level.into()).or_default();
        }
        &mut node.here
    }

    /// Removes a subscriber of a filter, and the nodes nobody needs then.
    pub(super) fn remove(&mut self, tail: &str, subscriber: S) -> Option<Subscription> {
        self.remove_at(&mut levels(tail), subscriber)
    }

    fn remove_at<'a>(
        &mut self,
        rest: &mut impl Iterator<Item = &'a str>,
        subscriber: S,
    ) -> Option<Subscription> {
        match rest.next() {
            None => self.here.remove(subscriber),
            Some("#") => self.below.remove(subscriber),
            Some(level) => {
                let child = self.children.get_mut(level)?;
                let removed = child.remove_at(rest, subscriber);
                if child.is_empty() {
                    self.children.remove(level);
                }
                removed
            }
        }
    }

    /// Calls `each` with the subscribers of every filter that matches; visits no node twice.
    pub(super) fn find(&self, tail: &str, each: &mut impl FnMut(&Entries<S>)) {
        each(&self.below);
        let Some(rest) = tail.strip_prefix('/') else {
            each(&self.here);
            return;
        };
        let (level, next) =
            rest.split_at(memchr::memchr(b'/', rest.as_bytes()).unwrap_or(rest.len()));
        for level in [level, "+"] {
            if let Some(child) = self.children.get(level) {
                child.find(next, each);
            }
        }
    }
}
