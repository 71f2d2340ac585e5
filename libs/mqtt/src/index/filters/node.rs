use std::collections::HashMap;

use crate::topic::levels;

/// A level of the filters with wildcards; `+` is a child like any other, as no topic has it.
#[derive(Debug)]
pub(super) struct Node<V> {
    children: HashMap<Box<str>, Node<V>>,
    /// What the filter has that ends here.
    here: Option<V>,
    /// What the filter has that ends here in `/#`.
    below: Option<V>,
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self {
            children: HashMap::new(),
            here: None,
            below: None,
        }
    }
}

impl<V> Node<V> {
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.here.is_none() && self.below.is_none()
    }

    pub(super) fn get(&self, tail: &str) -> Option<&V> {
        let mut node = self;
        for level in levels(tail) {
            if level == "#" {
                return node.below.as_ref();
            }
            node = node.children.get(level)?;
        }
        node.here.as_ref()
    }

    pub(super) fn get_mut(&mut self, tail: &str) -> Option<&mut V> {
        let mut node = self;
        for level in levels(tail) {
            if level == "#" {
                return node.below.as_mut();
            }
            node = node.children.get_mut(level)?;
        }
        node.here.as_mut()
    }

    /// Sets what a filter has, and returns what that replaces.
    pub(super) fn insert(&mut self, tail: &str, value: V) -> Option<V> {
        let mut node = self;
        for level in levels(tail) {
            if level == "#" {
                return node.below.replace(value);
            }
            node = node.children.entry(level.into()).or_default();
        }
        node.here.replace(value)
    }

    /// Removes what a filter has, and the nodes nobody needs then.
    pub(super) fn remove(&mut self, tail: &str) -> Option<V> {
        self.remove_at(&mut levels(tail))
    }

    fn remove_at<'a>(&mut self, rest: &mut impl Iterator<Item = &'a str>) -> Option<V> {
        match rest.next() {
            None => self.here.take(),
            Some("#") => self.below.take(),
            Some(level) => {
                let child = self.children.get_mut(level)?;
                let removed = child.remove_at(rest);
                if child.is_empty() {
                    self.children.remove(level);
                }
                removed
            }
        }
    }

    /// Calls `each` for every filter that matches; visits no node twice.
    pub(super) fn find(&self, tail: &str, each: &mut impl FnMut(&V)) {
        if let Some(value) = &self.below {
            each(value);
        }
        let Some(rest) = tail.strip_prefix('/') else {
            if let Some(value) = &self.here {
                each(value);
            }
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

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        let mut nodes = vec![self];
        let all = std::iter::from_fn(move || {
            let node = nodes.pop()?;
            nodes.extend(node.children.values());
            Some(node)
        });
        all.flat_map(|node| node.here.iter().chain(&node.below))
    }
}
