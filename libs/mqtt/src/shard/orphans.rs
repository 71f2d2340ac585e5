use std::rc::Rc;

use model::Result;
use tokio::time::{MissedTickBehavior, interval};

use super::Shard;
use crate::store::Orphan;
use crate::will;

/// How often a node gives a sign of life in the time after which it is taken for dead.
const BEATS: u32 = 3;

/// Gives signs of life, and publishes the wills of the clients of nodes that give none any more, for ever.
///
/// A server that was stopped or killed defers wills like that until it is back (MQTT 5.0 section 3.1.2.5); a client that is
/// back before needs none.
pub(super) async fn follow(shard: &Rc<Shard>) {
    let (store, timeout) = (&shard.node.store, shard.node.config.node_timeout);
    let mut period = interval(timeout / BEATS);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        if let Err(error) = store.beat().await {
            // Others may take this node for dead, and it cannot tell about them.
            tracing::warn!(%error, "this node cannot give a sign of life");
            continue;
        }
        for orphan in store.orphans(timeout) {
            if let Err(error) = publish_will(shard, orphan).await {
                tracing::warn!(%error, "the will of a client of another node could not be published");
            }
        }
        if let Err(error) = store.forget_dead(timeout).await {
            tracing::warn!(%error, "a dead node could not be forgotten");
        }
    }
}

async fn publish_will(shard: &Rc<Shard>, orphan: Orphan) -> Result<()> {
    let store = &shard.node.store;
    if shard.node.registry.is_owned(&orphan.key) || !store.is_orphan(&orphan).await? {
        return Ok(());
    }
    will::publish(shard, orphan.key.thing, orphan.will.clone()).await;
    store.bury(&orphan).await
}
