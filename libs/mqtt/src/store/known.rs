use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;

use super::nodes::Nodes;
use super::stored::Stored;
use crate::queue::group_name;
use crate::topic::TopicFilter;

/// The stored sessions of all nodes, as far as the bucket has reported them.
#[derive(Default)]
pub(super) struct Known {
    pub(super) sessions: HashMap<String, Stored>,
    pub(super) nodes: Nodes,
    /// How many of them are members of each group, by its name.
    members: Counts,
}

/// How many there are of each.
type Counts = HashMap<String, usize>;

fn discount(counts: &mut Counts, name: String) {
    if let Entry::Occupied(mut count) = counts.entry(name) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

impl Known {
    pub(super) fn put(&mut self, key: String, stored: Stored) {
        for group in stored.groups() {
            *self.members.entry(group).or_default() += 1;
        }
        if let Some(before) = self.sessions.insert(key, stored) {
            self.discount(&before);
        }
    }

    pub(super) fn delete(&mut self, key: &str) {
        if let Some(before) = self.sessions.remove(key) {
            self.discount(&before);
        }
    }

    fn discount(&mut self, stored: &Stored) {
        for group in stored.groups() {
            discount(&mut self.members, group);
        }
    }

    /// Tells whether a session other than that of the key is a member of a group.
    pub(super) fn has_member(&self, group: &str, besides: &str) -> bool {
        let count = self.members.get(group).copied().unwrap_or_default();
        let own = self.sessions.get(besides);
        let own = own.is_some_and(|own| own.groups().any(|known| known == group));
        count > usize::from(own)
    }
}

/// The groups that connections of this node take part in, by name, and how many do.
#[derive(Clone, Default)]
pub(super) struct Here(Arc<Mutex<Counts>>);

impl Here {
    pub(super) fn join(&self, filter: &TopicFilter) -> Membership {
        let group = group_name(filter);
        *self.0.lock().entry(group.clone()).or_default() += 1;
        Membership {
            here: self.clone(),
            group,
        }
    }

    pub(super) fn has_member(&self, group: &str) -> bool {
        self.0.lock().contains_key(group)
    }
}

/// A connection that takes part in a group, until this is dropped.
pub(crate) struct Membership {
    here: Here,
    group: String,
}

impl Drop for Membership {
    fn drop(&mut self) {
        discount(&mut self.here.0.lock(), std::mem::take(&mut self.group));
    }
}
