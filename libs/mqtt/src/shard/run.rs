use std::net::TcpListener as StdListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use messaging::{Entry, LiveReceiver, Message};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};

use super::Shard;
use crate::accept;
use crate::conn;
use crate::mailbox::Mail;
use crate::node::Node;
use crate::packet::Reason;
use crate::shard::orphans;
use crate::store::{REFRESH, Snapshot};
use crate::takeover;

/// How many messages from elsewhere are handled before the connections get their turn.
const BATCH: usize = 256;
/// How often counters are passed on.
const COUNT_PERIOD: Duration = Duration::from_secs(1);
/// How often expired sessions and retained messages are looked for.
const SWEEP_PERIOD: Duration = Duration::from_secs(30);
/// How long publishers that overrun others are held at a time.
const HOLD: Duration = Duration::from_millis(1);
/// How long connections may take to read that the server stops.
const STOP_GRACE: Duration = Duration::from_secs(8);

/// What one thread does.
pub(crate) struct Work {
    pub(crate) number: usize,
    pub(crate) node: Arc<Node>,
    pub(crate) listener: Option<StdListener>,
    /// What is done once for all shards, by the first.
    pub(crate) chores: Option<Chores>,
}

/// Streams that concern all shards.
pub(crate) struct Chores {
    pub(crate) live: LiveReceiver<Message>,
    pub(crate) retained: mpsc::Receiver<Entry>,
    pub(crate) sessions: mpsc::Receiver<Entry>,
    pub(crate) takeovers: mpsc::Receiver<Bytes>,
}

/// Serves the connections of one shard until the node stops.
pub(crate) async fn run(work: Work) {
    let shard = Rc::new(Shard::new(work.number, work.node.clone()));
    let stop = work.node.stop.clone();
    let background = background(shard.clone(), work.chores);
    let accepting = async {
        if let Some(listener) = work.listener {
            match TcpListener::from_std(listener) {
                Ok(listener) => accept::accept(&shard, &listener).await,
                Err(error) => tracing::error!(%error, "the MQTT listener cannot be used"),
            }
        }
        std::future::pending::<()>().await;
    };
    let serving = async {
        tokio::select! {
            () = accepting => {}
            () = stop.cancelled() => {}
        }
        shard.close_all(Reason::ServerShuttingDown, "the server stops");
        shard.tasks.close();
        if timeout(STOP_GRACE, shard.tasks.wait()).await.is_err() {
            tracing::warn!(shard = shard.number, "some connections did not end in time");
        }
    };
    tokio::select! {
        () = background => {}
        () = serving => {}
    }
    shard.counters.flush();
}

/// Does all that does not belong to one connection, for ever.
async fn background(shard: Rc<Shard>, chores: Option<Chores>) {
    let chores = async {
        if let Some(chores) = chores {
            let Chores {
                live,
                retained,
                sessions,
                takeovers,
            } = chores;
            tokio::join!(
                receive(&shard, live),
                shard.node.retention.follow(retained),
                shard.node.store.follow(sessions),
                heed(&shard, takeovers),
                sweep(&shard),
                orphans::follow(&shard),
            );
        }
        std::future::pending::<()>().await;
    };
    tokio::join!(
        shard.outbox.post(&shard.node.mailboxes),
        read_mail(&shard),
        count(&shard),
        refresh(&shard),
        release_held(&shard),
        chores,
    );
}

/// Hands out what other protocols and nodes send.
async fn receive(shard: &Shard, mut live: LiveReceiver<Message>) {
    while let Ok(message) = live.recv().await {
        let mut next = Some(message);
        for _ in 0..BATCH {
            let Some(message) = next else {
                break;
            };
            if message.origin != Some(shard.node.origin) {
                shard.publish(&message, None);
            }
            next = live.try_recv();
        }
        if let Some(message) = next.filter(|message| message.origin != Some(shard.node.origin)) {
            shard.publish(&message, None);
        }
        yield_now().await;
    }
}

async fn read_mail(shard: &Rc<Shard>) {
    loop {
        let mails = shard.node.mailboxes[shard.number].take().await;
        for (count, mail) in mails.into_iter().enumerate() {
            match mail {
                Mail::Deliver(message) => shard.deliver(&message, None),
                Mail::Claim(generation, reply) => shard.owned.claim(generation, reply),
                Mail::TakenAway(generation, elsewhere) => {
                    shard.owned.take_away(generation, elsewhere);
                }
                Mail::Attach(transport, origin) => conn::start(shard, transport, origin),
            }
            if count % BATCH == BATCH - 1 {
                yield_now().await;
            }
        }
    }
}

/// Ends the connections of clients that have connected to another node.
async fn heed(shard: &Shard, mut takeovers: mpsc::Receiver<Bytes>) {
    let node = &shard.node;
    while let Some(notice) = takeovers.recv().await {
        if let Some((owner, elsewhere)) = takeover::heed(&node.registry, node.origin, &notice) {
            shard.take_away(owner, elsewhere);
        }
    }
}

async fn count(shard: &Shard) {
    let mut period = interval(COUNT_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        shard.counters.flush();
    }
}

/// Stores the sessions that are online again, so that no node takes them for forgotten.
async fn refresh(shard: &Shard) {
    let mut period = interval_at(Instant::now() + REFRESH, REFRESH);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        for peer in shard.connections() {
            let snapshot = {
                let mut session = peer.session.borrow_mut();
                session
                    .stored
                    .then(|| Snapshot::of(&mut session, true, shard.node.origin))
            };
            let Some(Ok(snapshot)) = snapshot else {
                continue;
            };
            if let Err(error) = shard.node.store.put(snapshot).await {
                tracing::warn!(%error, "a session could not be stored again");
            }
        }
    }
}

/// Has publishers that are held look again now and then whether they may go on.
async fn release_held(shard: &Shard) {
    loop {
        shard.held.filled.notified().await;
        sleep(HOLD).await;
        for waker in shard.held.wakers.take() {
            waker.wake();
        }
    }
}

async fn sweep(shard: &Shard) {
    let mut period = interval(SWEEP_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        for key in shard.node.store.expired() {
            if shard.node.registry.is_owned(&key) {
                continue;
            }
            if let Err(error) = shard.node.store.remove_expired(&key).await {
                tracing::warn!(%error, session = ?key, "an expired session could not be removed");
            }
        }
        shard.node.retention.expire().await;
        shard.node.rates.sweep();
        shard.node.failures.sweep();
    }
}
