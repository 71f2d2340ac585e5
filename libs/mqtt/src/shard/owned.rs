use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use model::Result;
use tokio::sync::{Notify, oneshot};

use super::Shard;
use crate::key::ClientKey;
use crate::packet::Reason;
use crate::peer::Peer;
use crate::registry::Owner;
use crate::session::Session;
use crate::takeover::{self, Elsewhere};

/// The sessions a shard owns, or will when the one before lets go.
#[derive(Default)]
pub(crate) struct Owned(RefCell<HashMap<u64, Rc<Claims>>>);

/// Where another connection that wants a session is heard; there is at most one, for it becomes the owner by asking.
#[derive(Default)]
struct Claims {
    claim: RefCell<Option<oneshot::Sender<Session>>>,
    /// What another node has done with the session, if it has taken it.
    elsewhere: Cell<Option<Elsewhere>>,
    arrived: Notify,
    /// The connection the session has now, if it is connected.
    peer: RefCell<Option<Rc<Peer>>>,
}

impl Owned {
    /// Passes a claim to the owner; dropping it tells the other side that there is nothing to hand over.
    pub(crate) fn claim(&self, generation: u64, reply: oneshot::Sender<Session>) {
        let Some(claims) = self.0.borrow().get(&generation).cloned() else {
            return;
        };
        *claims.claim.borrow_mut() = Some(reply);
        claims.arrived();
    }

    /// Tells the owner that another node has the session now.
    pub(crate) fn take_away(&self, generation: u64, elsewhere: Elsewhere) {
        let claims = self.0.borrow().get(&generation).cloned();
        if let Some(claims) = claims {
            claims.elsewhere.set(Some(elsewhere));
            claims.arrived();
        }
    }
}

impl Claims {
    fn is_wanted(&self) -> bool {
        self.claim.borrow().is_some() || self.elsewhere.get().is_some()
    }

    fn arrived(&self) {
        self.arrived.notify_one();
        if let Some(peer) = &*self.peer.borrow() {
            peer.close(Reason::SessionTakenOver, "the client has connected again");
        }
    }
}

/// The ownership of one session; dropping it means that there is no such session any more.
pub(crate) struct Ownership {
    shard: Rc<Shard>,
    key: ClientKey,
    owner: Owner,
    claims: Rc<Claims>,
}

impl Ownership {
    /// Takes the session of a client from whoever has it; returns it when there was one and it goes on.
    ///
    /// # Errors
    /// When it would be one session too many.
    pub(crate) async fn take(
        shard: &Rc<Shard>,
        key: &ClientKey,
    ) -> Result<(Self, Option<Session>)> {
        let (owner, before) = shard.node.registry.claim(key, shard.number)?;
        let claims = Rc::new(Claims::default());
        shard
            .owned
            .0
            .borrow_mut()
            .insert(owner.generation, claims.clone());
        let ownership = Self {
            shard: shard.clone(),
            key: key.clone(),
            owner,
            claims,
        };
        let session = match before {
            Some(before) => shard.claim(before).await.ok(),
            None => None,
        };
        Ok((ownership, session))
    }

    /// Has the connection closed when another wants the session.
    pub(crate) fn connected(&self, peer: &Rc<Peer>) {
        *self.claims.peer.borrow_mut() = Some(peer.clone());
        if self.claims.is_wanted() {
            self.claims.arrived();
        }
    }

    /// Ends what [`Self::connected`] began.
    pub(crate) fn disconnected(&self) {
        *self.claims.peer.borrow_mut() = None;
    }

    /// Tells the other nodes that the client is here now.
    pub(crate) fn announce(&self, clean_start: bool) {
        let node = &self.shard.node;
        let signals = &*node.takeovers;
        takeover::announce(signals, node.origin, &self.key, self.owner, clean_start);
    }

    /// Tells what another node has done with the session, if it has taken it.
    pub(crate) fn elsewhere(&self) -> Option<Elsewhere> {
        self.claims.elsewhere.get()
    }

    /// Tells whether a session that was taken over is at another node, and not wanted by a connection at this one alone.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.elsewhere().is_some() || !self.is_claimed()
    }

    /// Tells whether another connection at this node wants the session.
    pub(crate) fn is_claimed(&self) -> bool {
        self.claims.claim.borrow().is_some()
    }

    /// Waits until another connection, here or at another node, wants the session.
    pub(crate) async fn wanted(&self) {
        while !self.claims.is_wanted() {
            self.claims.arrived.notified().await;
        }
    }

    /// Hands the session to the connection that wants it, unless another node has had it since: then what is stored counts.
    pub(crate) fn hand_over(self, session: Session) {
        if self.elsewhere().is_some() {
            return;
        }
        if let Some(reply) = self.claims.claim.borrow_mut().take() {
            // Should the other side have given up, what is stored is all that remains.
            let _ = reply.send(session);
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.shard.node.registry.release(&self.key, self.owner);
        self.shard
            .owned
            .0
            .borrow_mut()
            .remove(&self.owner.generation);
        self.claims.claim.borrow_mut().take();
    }
}
