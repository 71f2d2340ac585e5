use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use messaging::Message;
use model::Result;
use uuid::Uuid;

use super::Store;
use crate::key::ClientKey;

/// What the keys of nodes begin with in the bucket of sessions.
const PREFIX: &str = "nodes/";

/// When which node was heard last; what was there at the start counts as heard then.
#[derive(Default)]
pub(super) struct Nodes(HashMap<Uuid, Instant>);

impl Nodes {
    /// Notes the sign of life of a node, if it is the key of one.
    pub(super) fn hear(&mut self, key: &str) -> bool {
        let node = node_of(key);
        self.0.extend(node.map(|node| (node, Instant::now())));
        node.is_some()
    }

    /// Forgets a node, if it is the key of one.
    pub(super) fn forget(&mut self, key: &str) -> bool {
        let node = node_of(key);
        node.is_some_and(|node| {
            self.0.remove(&node);
            true
        })
    }

    fn is_dead(&self, node: Uuid, timeout: Duration) -> bool {
        let heard = self.0.get(&node);
        heard.is_none_or(|heard| heard.elapsed() >= timeout)
    }
}

fn node_of(key: &str) -> Option<Uuid> {
    key.strip_prefix(PREFIX)?.parse().ok()
}

/// A client whose node has died, and its will.
pub(crate) struct Orphan {
    pub(crate) key: ClientKey,
    pub(crate) will: Message,
    node: Uuid,
}

impl Store {
    /// Gives a sign of life.
    pub(crate) async fn beat(&self) -> Result<()> {
        let key = format!("{PREFIX}{}", self.node);
        self.bucket.put(&key, Bytes::new()).await
    }

    /// Returns the clients of dead nodes whose wills are due, if this is the node to publish them: one of all does.
    pub(crate) fn orphans(&self, timeout: Duration) -> Vec<Orphan> {
        let known = self.known.lock();
        let others = known.nodes.0.keys();
        let leads = others
            .filter(|node| !known.nodes.is_dead(**node, timeout))
            .all(|node| self.node <= *node);
        if !leads {
            return Vec::new();
        }
        let stored = known.sessions.values();
        let orphaned = stored.filter_map(|stored| {
            let (node, delay, will) = stored.will()?;
            let dead = node != self.node && known.nodes.is_dead(node, timeout + delay);
            dead.then(|| will.decode()).flatten().map(|will| Orphan {
                key: stored.client(),
                will,
                node,
            })
        });
        orphaned.collect()
    }

    /// Tells whether a client is still without a connection.
    pub(crate) async fn is_orphan(&self, orphan: &Orphan) -> Result<bool> {
        let stored = self.get(&orphan.key).await?;
        let will = stored.as_ref().and_then(|stored| stored.will());
        Ok(will.is_some_and(|(node, ..)| node == orphan.node))
    }

    /// Notes that the will of a client was published.
    pub(crate) async fn bury(&self, orphan: &Orphan) -> Result<()> {
        match self.get(&orphan.key).await? {
            Some(stored) if !stored.outlives_connection() => {
                let subscriptions = stored.to_session().subscriptions;
                self.remove(&orphan.key, Some(&subscriptions)).await
            }
            Some(stored) => {
                let value = serde_json::to_vec(&stored.without_will());
                let value = value.map_err(|_| model::Error::internal())?;
                let key = orphan.key.bucket_key();
                self.bucket.put(&key, value.into()).await
            }
            None => Ok(()),
        }
    }

    /// Forgets the dead nodes of whose clients nothing is left to do.
    pub(crate) async fn forget_dead(&self, timeout: Duration) -> Result<()> {
        let dead: Vec<Uuid> = {
            let known = self.known.lock();
            let stored = known.sessions.values();
            let needed: HashSet<Uuid> = stored
                .filter_map(|stored| stored.will().map(|(node, ..)| node))
                .collect();
            let nodes = known.nodes.0.keys().copied();
            let dead = nodes.filter(|node| *node != self.node && !needed.contains(node));
            dead.filter(|node| known.nodes.is_dead(*node, timeout))
                .collect()
        };
        for node in dead {
            self.bucket.delete(&format!("{PREFIX}{node}")).await?;
        }
        Ok(())
    }
}
