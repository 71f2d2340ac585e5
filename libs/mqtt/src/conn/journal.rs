use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::{Notify, oneshot};

use crate::packet::Reason;
use crate::peer::Peer;
use crate::shard::Shard;

type Then = Box<dyn FnOnce(&Peer)>;

/// Stores the QoS 2 exchanges of a persistent session, so that neither side sees a message twice after a crash.
///
/// Whatever changes while one state is being stored goes into the next: under load many messages share a write.
pub(super) struct Journal {
    shard: Rc<Shard>,
    peer: Rc<Peer>,
    state: RefCell<State>,
    idle: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<Then>,
    writing: bool,
    /// Whether something changed that nobody waits for.
    stale: bool,
}

impl Journal {
    pub(super) fn new(shard: &Rc<Shard>, peer: &Rc<Peer>) -> Rc<Self> {
        Rc::new(Self {
            shard: shard.clone(),
            peer: peer.clone(),
            state: RefCell::default(),
            idle: Notify::new(),
        })
    }

    /// Does something once the exchanges are stored as they are now; should that fail, the connection ends instead.
    pub(super) fn store(self: &Rc<Self>, then: impl FnOnce(&Peer) + 'static) {
        let mut state = self.state.borrow_mut();
        state.waiting.push(Box::new(then));
        if !state.writing {
            state.writing = true;
            self.shard.tasks.spawn_local(self.clone().write());
        }
    }

    /// As [`Self::store`], to be waited for.
    pub(super) fn stored(self: &Rc<Self>) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        // Who stopped waiting needs no answer.
        self.store(|_| {
            let _ = sender.send(());
        });
        receiver
    }

    /// Notes a change that may be forgotten in a crash.
    pub(super) fn note(&self) {
        self.state.borrow_mut().stale = true;
    }

    async fn write(self: Rc<Self>) {
        loop {
            let waiting = {
                let mut state = self.state.borrow_mut();
                state.stale = false;
                std::mem::take(&mut state.waiting)
            };
            if waiting.is_empty() {
                break;
            }
            let (key, exchanges) = {
                let mut session = self.peer.session.borrow_mut();
                (session.key.clone(), session.exchanges())
            };
            let stored = self.shard.node.store.put_exchanges(&key, &exchanges).await;
            if let Err(error) = stored {
                tracing::warn!(%error, session = ?key, "the exchanges of a session could not be stored");
                let reason = Reason::ImplementationSpecificError;
                self.peer.close(reason, "the session cannot be stored now");
                self.state.borrow_mut().waiting.clear();
                break;
            }
            for then in waiting {
                then(&self.peer);
            }
        }
        self.state.borrow_mut().writing = false;
        self.idle.notify_waiters();
    }

    /// Waits until nothing is being stored, and stores what is not yet.
    pub(super) async fn finish(self: &Rc<Self>) {
        if self.state.borrow().stale {
            self.store(|_| ());
        }
        loop {
            let idle = self.idle.notified();
            if !self.state.borrow().writing {
                return;
            }
            idle.await;
        }
    }
}
