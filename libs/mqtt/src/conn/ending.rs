use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use model::Action;

use super::goodbye;
use super::keeper::{self, Rest};
use super::serve::Conn;
use crate::access::Loss;
use crate::packet::{Disconnect, Outgoing, Reason, Will};
use crate::peer::{Close, OVERSIZED};
use crate::reception::is_lost;
use crate::session::Session;
use crate::shard::{Ownership, Shard};
use crate::takeover::Elsewhere;
use crate::will;

/// How a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The other side is gone without a word.
    Gone,
    /// The client says goodbye.
    Goodbye(Disconnect),
    /// The server closes.
    Close(Close),
    /// The client has lost a right it needs.
    Lost(Loss),
}

impl End {
    pub(super) fn close(reason: Reason, detail: &'static str) -> Self {
        Self::Close(Close { reason, detail })
    }

    /// Returns what an MQTT 5 client is told.
    fn farewell(&self) -> Option<(Reason, &'static str)> {
        match self {
            Self::Gone | Self::Goodbye(_) | Self::Close(OVERSIZED) => None,
            Self::Close(close) => Some((close.reason, close.detail)),
            Self::Lost(Loss::Thing) => {
                Some((Reason::AdministrativeAction, "the thing was removed"))
            }
            Self::Lost(Loss::Credentials) => Some((
                Reason::AdministrativeAction,
                "the credentials are no longer valid",
            )),
            Self::Lost(Loss::Channel) => Some((
                Reason::NotAuthorized,
                "the thing is no longer connected to a channel it receives from",
            )),
            Self::Lost(Loss::Certainty) => Some((
                Reason::NotAuthorized,
                "the rights of the thing cannot be confirmed",
            )),
        }
    }

    fn is_take_over(&self) -> bool {
        matches!(self, Self::Close(close) if close.reason == Reason::SessionTakenOver)
    }

    fn is_stop(&self) -> bool {
        matches!(self, Self::Close(close) if close.reason == Reason::ServerShuttingDown)
    }

    /// Tells whether the will is to be published.
    fn publishes_will(&self) -> bool {
        match self {
            Self::Goodbye(disconnect) => disconnect.reason != Reason::Success,
            Self::Close(_) | Self::Gone | Self::Lost(_) => true,
        }
    }
}

impl Conn {
    /// Ends the connection, and decides what remains of the session.
    pub(super) async fn conclude(mut self, end: End) {
        tracing::debug!(session = ?self.peer.session.borrow().key, ?end, "a connection ends");
        self.work = None;
        self.peer.give_up();
        self.reception.end().await;
        self.shard.remove_peer(self.peer.id);
        self.ownership.disconnected();
        self.shard.counters.connections.decrement(1);
        // What was read is on its way to the bus: it gets there, and to the subscribers, although nobody waits any more.
        while let Some(published) = self.publishes.next().await {
            let _ = self.on_published(published);
        }
        let elsewhere = end.is_take_over() && self.ownership.is_elsewhere();
        if let Some(journal) = self.journal.as_ref().filter(|_| !elsewhere) {
            journal.finish().await;
        }
        let placeholder = Session::new(self.peer.session.borrow().key.clone(), Duration::ZERO);
        let mut session = self.peer.session.replace(placeholder);
        // When the server stops, the will stays stored: it is published should the client not be back in time.
        let will = session.will.take_if(|_| !end.is_stop());
        let will = will.filter(|_| end.publishes_will());
        session.inbound.forget_unanswered();
        session.outbound.clear_queue();
        let farewell = end.farewell();
        apply(&self.shard, &mut session, &end).await;
        let shard = self.shard.clone();
        if self.ownership.elsewhere() == Some(Elsewhere::Ended) {
            session.expiry = Duration::ZERO;
        }
        let ownership = self.say_goodbye(farewell);
        let will = will.map(|will| *will);
        settle(&shard, ownership, session, will, elsewhere).await;
    }

    /// Lets the client read why in a task of its own, so that the session does not wait for it.
    fn say_goodbye(self, farewell: Option<(Reason, &'static str)>) -> Ownership {
        let Self {
            shard,
            peer,
            mut transport,
            entrance,
            ownership,
            ..
        } = self;
        if let Some((reason, detail)) = farewell {
            peer.send(&Outgoing::Disconnect {
                reason,
                reason_string: Some(detail),
            });
            let limit = shard.node.config.linger_timeout;
            shard.tasks.spawn_local(async move {
                let mut out = peer.take_output();
                goodbye::finish(&mut transport, &mut out, limit).await;
                drop(entrance);
            });
        }
        ownership
    }
}

/// Changes the session as the way its connection ended says.
async fn apply(shard: &Rc<Shard>, session: &mut Session, end: &End) {
    match end {
        // A session that was to end with its connection cannot be prolonged (MQTT 5.0 section 3.14.2.2.2).
        End::Goodbye(Disconnect {
            session_expiry: Some(seconds),
            ..
        }) if session.is_persistent() => {
            let asked = Duration::from_secs((*seconds).into());
            session.expiry = asked.min(shard.node.config.max_session_expiry);
        }
        End::Lost(Loss::Thing) => session.expiry = Duration::ZERO,
        End::Lost(Loss::Channel) => drop_lost_channels(shard, session).await,
        End::Goodbye(_) | End::Gone | End::Close(_) | End::Lost(_) => {}
    }
}

/// Removes the subscriptions whose right is gone, and their queues.
async fn drop_lost_channels(shard: &Rc<Shard>, session: &mut Session) {
    for channel in session.subscriptions.channels() {
        let decision = shard
            .node
            .access
            .decide(session.key.thing, channel, Action::Subscribe)
            .await;
        if !is_lost(decision).unwrap_or(false) {
            continue;
        }
        let groups = session.lose(channel);
        let store = &shard.node.store;
        if let Err(error) = store.leave_channel(&session.key, channel, &groups).await {
            tracing::warn!(%error, "a queue could not be removed");
        }
    }
}

/// Publishes the will when it is due, and keeps the session for as long as it outlives its connection.
///
/// A session that another node has taken is that node's: nothing of it is stored or removed here.
async fn settle(
    shard: &Rc<Shard>,
    ownership: Ownership,
    mut session: Session,
    will: Option<Will>,
    elsewhere: bool,
) {
    let delayed = |will: &Will| will.delay > 0 && session.is_persistent();
    let (later, now) = match will {
        Some(will) if delayed(&will) => (Some(will), None),
        now => (None, now),
    };
    if let Some(will) = now {
        will::fire(shard, session.key.thing, will).await;
    }
    if elsewhere {
        return;
    }
    if later.is_some() {
        session.will = later.map(Box::new);
    }
    if !session.is_persistent() && session.will.is_some() {
        return;
    }
    if !session.is_persistent() {
        keeper::remove(shard, &mut session).await;
        return;
    }
    keeper::keep(Rest {
        shard: shard.clone(),
        ownership,
        session,
    })
    .await;
}
