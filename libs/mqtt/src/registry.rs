use std::collections::HashMap;

use parking_lot::Mutex;

use crate::key::ClientKey;

/// Which shard holds the session of which client. A session has one owner at a time; a new connection becomes the owner
/// first and then asks the one before for the state, so that any number of racing connections form a queue.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Owners>);

#[derive(Default)]
struct Owners {
    by_key: HashMap<ClientKey, Owner>,
    generations: u64,
}

/// Who holds a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) shard: usize,
    /// Tells this ownership from every earlier and later one.
    pub(crate) generation: u64,
}

impl Registry {
    /// Makes the shard the owner; returns the new owner and the one before.
    pub(crate) fn claim(&self, key: &ClientKey, shard: usize) -> (Owner, Option<Owner>) {
        let mut owners = self.0.lock();
        owners.generations += 1;
        let owner = Owner {
            shard,
            generation: owners.generations,
        };
        let before = owners.by_key.insert(key.clone(), owner);
        (owner, before)
    }

    /// Tells whether some shard holds the session.
    pub(crate) fn is_owned(&self, key: &ClientKey) -> bool {
        self.0.lock().by_key.contains_key(key)
    }

    /// Ends an ownership, unless another has begun since.
    pub(crate) fn release(&self, key: &ClientKey, owner: Owner) {
        let mut owners = self.0.lock();
        if owners.by_key.get(key) == Some(&owner) {
            owners.by_key.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::ThingId;

    use super::*;

    #[test]
    fn the_last_claim_wins_and_an_old_owner_removes_nothing() {
        let registry = Registry::default();
        let key = ClientKey::new(ThingId::random(), "c");
        let (first, none) = registry.claim(&key, 0);
        assert_eq!(none, None);
        let (second, before) = registry.claim(&key, 1);
        assert_eq!(before, Some(first));
        registry.release(&key, first);
        let (third, before) = registry.claim(&key, 0);
        assert_eq!(before, Some(second));
        registry.release(&key, third);
        assert_eq!(registry.claim(&key, 0).1, None);
    }
}
