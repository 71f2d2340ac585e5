use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use crate::session::Session;
use crate::shard::{Ownership, Shard};
use crate::store::Snapshot;
use crate::takeover::Elsewhere;
use crate::will;

/// A session without a connection.
pub(super) struct Rest {
    pub(super) shard: Rc<Shard>,
    pub(super) ownership: Ownership,
    pub(super) session: Session,
}

/// Keeps a session until its client comes back, or its time is up.
pub(super) async fn keep(mut rest: Rest) {
    if rest.session.stored && !rest.ownership.is_claimed() {
        store(&rest.shard, &mut rest.session).await;
    }
    let shard = rest.shard.clone();
    // A task of its own is small; that of the connection had room for everything a connection needs.
    shard.tasks.spawn_local(wait(rest));
}

async fn wait(rest: Rest) {
    let Rest {
        shard,
        ownership,
        mut session,
    } = rest;
    let expired = sleep(session.expiry);
    tokio::pin!(expired);
    loop {
        let delay = session
            .will
            .as_ref()
            .map(|will| Duration::from_secs(will.delay.into()));
        let will_due = async {
            match delay {
                Some(delay) => sleep(delay).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = ownership.wanted() => {
                if ownership.elsewhere() == Some(Elsewhere::Ended)
                    && let Some(will) = session.will.take()
                {
                    will::fire(&shard, session.key.thing, *will).await;
                }
                ownership.hand_over(session);
                return;
            }
            () = shard.node.stop.cancelled() => return,
            () = will_due => {
                if let Some(will) = session.will.take() {
                    will::fire(&shard, session.key.thing, *will).await;
                    if session.stored {
                        store(&shard, &mut session).await;
                    }
                }
            }
            () = &mut expired => break,
        }
    }
    if let Some(will) = session.will.take() {
        will::fire(&shard, session.key.thing, *will).await;
    }
    session.leases.discard();
    if session.stored
        && let Err(error) = shard.node.store.remove_expired(&session.key).await
    {
        tracing::warn!(%error, session = ?session.key, "an expired session could not be removed");
    }
}

async fn store(shard: &Shard, session: &mut Session) {
    let stored = match Snapshot::of(session, false, shard.node.origin) {
        Ok(snapshot) => shard.node.store.put(snapshot).await,
        Err(error) => Err(error),
    };
    match stored {
        Ok(()) => session.confirmed = true,
        Err(error) => {
            tracing::warn!(%error, session = ?session.key, "a session could not be stored");
        }
    }
}

/// Removes what is stored of a session that is over.
pub(super) async fn remove(shard: &Shard, session: &mut Session) {
    session.leases.discard();
    if !session.stored {
        return;
    }
    let removed = shard
        .node
        .store
        .remove(&session.key, Some(&session.subscriptions));
    if let Err(error) = removed.await {
        tracing::warn!(%error, session = ?session.key, "a session could not be removed");
    }
}
