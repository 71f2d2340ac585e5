use std::sync::Arc;

use messaging::Signals;
use model::ThingId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::key::ClientKey;
use crate::registry::{Owner, Registry};

/// What a node tells all others when a client has connected to it, so that an older connection of that client ends wherever
/// it is.
///
/// While the bus is away nobody hears it, and a client that connects twice then has two connections for as long.
#[derive(Serialize, Deserialize)]
struct Takeover {
    thing: ThingId,
    client_id: Arc<str>,
    generation: u64,
    node: Uuid,
    clean_start: bool,
}

/// What has become of a session that another node has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// It goes on there.
    GoesOn,
    /// It ended when its client began another.
    Ended,
}

/// Tells the other nodes that this one has the client now.
pub(crate) fn announce(
    signals: &dyn Signals,
    node: Uuid,
    key: &ClientKey,
    owner: Owner,
    clean_start: bool,
) {
    let takeover = Takeover {
        thing: key.thing,
        client_id: key.client_id.clone(),
        generation: owner.generation,
        node,
        clean_start,
    };
    if let Ok(notice) = serde_json::to_vec(&takeover) {
        signals.send(notice.into());
    }
}

/// Returns who has lost its session at this node by what was announced, if anybody has.
pub(crate) fn heed(registry: &Registry, node: Uuid, notice: &[u8]) -> Option<(Owner, Elsewhere)> {
    let takeover: Takeover = serde_json::from_slice(notice).ok()?;
    if takeover.node == node {
        return None;
    }
    let key = ClientKey {
        thing: takeover.thing,
        client_id: takeover.client_id,
    };
    let owner = registry.witness(&key, takeover.generation)?;
    // Of two that came at once, both nodes take the same for the later.
    let is_later = (takeover.generation, takeover.node) > (owner.generation, node);
    let elsewhere = if takeover.clean_start {
        Elsewhere::Ended
    } else {
        Elsewhere::GoesOn
    };
    is_later.then_some((owner, elsewhere))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::Bytes;
    use parking_lot::Mutex;
    use tokio::sync::mpsc;

    use super::*;
    use crate::registry::SessionLimits;

    /// Keeps what was sent.
    #[derive(Default)]
    struct Sent(Mutex<Vec<Bytes>>);

    #[async_trait]
    impl Signals for Sent {
        fn send(&self, notice: Bytes) {
            self.0.lock().push(notice);
        }

        async fn listen(&self) -> model::Result<mpsc::Receiver<Bytes>> {
            Err(model::Error::internal())
        }
    }

    fn registry() -> Registry {
        Registry::new(SessionLimits {
            total: 10,
            per_thing: 10,
        })
    }

    fn notice(node: Uuid, key: &ClientKey, generation: u64) -> Bytes {
        let (sent, shard) = (Sent::default(), 0);
        announce(&sent, node, key, Owner { shard, generation }, true);
        sent.0.into_inner().remove(0)
    }

    #[test]
    fn of_two_nodes_that_have_a_client_one_lets_go() {
        let key = ClientKey::new(ThingId::random(), "c");
        for (ours, theirs) in
            [(1, 2), (2, 1)].map(|(a, b)| (Uuid::from_u128(a), Uuid::from_u128(b)))
        {
            let registry = registry();
            let (owner, _) = registry.claim(&key, 0).unwrap();
            let heed = |node, generation| heed(&registry, ours, &notice(node, &key, generation));
            let lost = Some((owner, Elsewhere::Ended));
            assert_eq!(heed(theirs, owner.generation - 1), None, "an older one");
            assert_eq!(heed(theirs, owner.generation + 1), lost);
            let at_once = heed(theirs, owner.generation);
            assert_eq!(at_once, lost.filter(|_| theirs > ours));
            assert_eq!(heed(ours, owner.generation + 1), None, "its own");
        }
    }

    #[test]
    fn who_connects_after_a_takeover_was_heard_of_is_the_later_whatever_the_clocks_say() {
        let (registry, node) = (registry(), Uuid::from_u128(1));
        let key = ClientKey::new(ThingId::random(), "c");
        let ahead = registry.claim(&key, 0).unwrap().0.generation + 3_600_000_000;
        heed(&registry, node, &notice(Uuid::from_u128(2), &key, ahead));
        assert!(registry.claim(&key, 0).unwrap().0.generation > ahead);
    }

    #[test]
    fn what_is_no_announcement_is_passed_over() {
        let key = ClientKey::new(ThingId::random(), "c");
        let registry = registry();
        registry.claim(&key, 0).unwrap();
        for notice in [&b""[..], b"{}", b"\xff"] {
            assert_eq!(heed(&registry, Uuid::nil(), notice), None);
        }
    }
}
