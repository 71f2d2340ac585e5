use std::collections::HashMap;
use std::collections::hash_map::Entry;

use model::{Error, ErrorKind, Result, ThingId, Timestamp};
use parking_lot::Mutex;

use crate::key::ClientKey;

/// Which shard holds the session of which client. A session has one owner at a time; a new connection becomes the owner
/// first and then asks the one before for the state, so that any number of racing connections form a queue.
pub(crate) struct Registry {
    owners: Mutex<Owners>,
    limits: SessionLimits,
}

/// How many sessions there may be, connected or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionLimits {
    pub(crate) total: usize,
    pub(crate) per_thing: usize,
}

#[derive(Default)]
struct Owners {
    by_key: HashMap<ClientKey, Owner>,
    by_thing: HashMap<ThingId, usize>,
    /// The last there was, here or at any node that was heard of.
    generation: u64,
}

/// Who holds a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) shard: usize,
    /// Tells this ownership from every earlier and later one of this node, and which of two at different nodes is the later:
    /// the time in microseconds, or more when later ones were seen.
    pub(crate) generation: u64,
}

impl Registry {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self {
            owners: Mutex::default(),
            limits,
        }
    }

    /// Makes the shard the owner; returns the new owner and the one before.
    ///
    /// # Errors
    /// `Exhausted` when it would be one session too many.
    pub(crate) fn claim(&self, key: &ClientKey, shard: usize) -> Result<(Owner, Option<Owner>)> {
        let mut owners = self.owners.lock();
        let Owners {
            by_key,
            by_thing,
            generation,
        } = &mut *owners;
        let total = by_key.len();
        let now = u64::try_from(Timestamp::now().micros()).unwrap_or(0);
        *generation = now.max(*generation + 1);
        let owner = Owner {
            shard,
            generation: *generation,
        };
        match by_key.entry(key.clone()) {
            Entry::Occupied(mut entry) => Ok((owner, Some(entry.insert(owner)))),
            Entry::Vacant(entry) => {
                let of_thing = by_thing.entry(key.thing).or_default();
                if total >= self.limits.total || *of_thing >= self.limits.per_thing {
                    return Err(too_many());
                }
                *of_thing += 1;
                entry.insert(owner);
                Ok((owner, None))
            }
        }
    }

    /// Notes the ownership of a session at another node, which is earlier than any to come here; returns its owner here.
    pub(crate) fn witness(&self, key: &ClientKey, generation: u64) -> Option<Owner> {
        let mut owners = self.owners.lock();
        owners.generation = owners.generation.max(generation);
        owners.by_key.get(key).copied()
    }

    /// Tells whether some shard holds the session.
    pub(crate) fn is_owned(&self, key: &ClientKey) -> bool {
        self.owners.lock().by_key.contains_key(key)
    }

    /// Ends an ownership, unless another has begun since.
    pub(crate) fn release(&self, key: &ClientKey, owner: Owner) {
        let mut owners = self.owners.lock();
        if owners.by_key.get(key) != Some(&owner) {
            return;
        }
        owners.by_key.remove(key);
        if let Entry::Occupied(mut of_thing) = owners.by_thing.entry(key.thing) {
            *of_thing.get_mut() -= 1;
            if *of_thing.get() == 0 {
                of_thing.remove();
            }
        }
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::Exhausted,
        "too_many_sessions",
        "there are as many sessions as there may be; end some, or use a client id again",
    )
}

#[cfg(test)]
mod tests {
    use model::ThingId;

    use super::*;

    fn registry(per_thing: usize) -> Registry {
        Registry::new(SessionLimits {
            total: 3,
            per_thing,
        })
    }

    #[test]
    fn the_last_claim_wins_and_an_old_owner_removes_nothing() {
        let registry = registry(1);
        let key = ClientKey::new(ThingId::random(), "c");
        let (first, none) = registry.claim(&key, 0).unwrap();
        assert_eq!(none, None);
        let (second, before) = registry.claim(&key, 1).unwrap();
        assert_eq!(before, Some(first));
        registry.release(&key, first);
        let (third, before) = registry.claim(&key, 0).unwrap();
        assert_eq!(before, Some(second));
        registry.release(&key, third);
        assert_eq!(registry.claim(&key, 0).unwrap().1, None);
    }

    #[test]
    fn sessions_are_limited_in_all_and_for_each_thing() {
        let registry = registry(2);
        let (one, other) = (ThingId::random(), ThingId::random());
        let key = |thing, name: &str| ClientKey::new(thing, name);
        let (first, _) = registry.claim(&key(one, "a"), 0).unwrap();
        registry.claim(&key(one, "b"), 0).unwrap();
        assert!(registry.claim(&key(one, "c"), 0).is_err());
        assert!(
            registry.claim(&key(one, "a"), 1).is_ok(),
            "it is there already"
        );
        registry.claim(&key(other, "a"), 0).unwrap();
        assert!(registry.claim(&key(other, "b"), 0).is_err());
        registry.release(&key(one, "a"), first);
        assert!(
            registry.claim(&key(other, "b"), 0).is_err(),
            "an old owner frees nothing"
        );
        let (current, _) = registry.claim(&key(one, "a"), 0).unwrap();
        registry.release(&key(one, "a"), current);
        assert!(registry.claim(&key(other, "b"), 0).is_ok());
    }
}
