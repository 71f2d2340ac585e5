use std::future::poll_fn;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesOrdered;
use model::{ChannelId, ThingId};

use super::connack::connack;
use super::ending::End;
use super::input::Input;
use super::journal::Journal;
use super::keep_alive::KeepAlive;
use super::message::LastTopic;
use super::publish::{Aliases, Published};
use super::subscribe::Done;
use crate::access::{Admission, Lost};
use crate::codec::Encoder;
use crate::node::Entrance;
use crate::packet::{Connect, Outgoing, Version};
use crate::peer::Peer;
use crate::rate::ThingRates;
use crate::reception::Reception;
use crate::session::{Session, Window};
use crate::shard::{Ownership, Shard};
use crate::transport::Transport;

/// What a successful handshake yields.
pub(super) struct Opened {
    pub(super) connect: Box<Connect>,
    /// What came after the CONNECT.
    pub(super) rest: Vec<u8>,
    pub(super) admission: Box<dyn Admission>,
    /// What the thing may do in a second.
    pub(super) rates: Option<Arc<ThingRates>>,
    pub(super) ownership: Ownership,
    pub(super) session: Session,
    pub(super) session_present: bool,
    pub(super) assigned: Option<String>,
}

/// An established connection.
pub(super) struct Conn {
    pub(super) shard: Rc<Shard>,
    pub(super) peer: Rc<Peer>,
    pub(super) reception: Rc<Reception>,
    /// Where the exchanges of a persistent session are stored.
    pub(super) journal: Option<Rc<Journal>>,
    pub(super) ownership: Ownership,
    pub(super) transport: Transport,
    pub(super) entrance: Entrance,
    pub(super) input: Input,
    pub(super) thing: ThingId,
    pub(super) aliases: Aliases,
    pub(super) topics: LastTopic,
    /// What the thing may do in a second.
    pub(super) rates: Option<Arc<ThingRates>>,
    /// Messages on their way to the bus; their acknowledgements leave in the order the messages came.
    pub(super) publishes: FuturesOrdered<LocalBoxFuture<'static, Published>>,
    /// How many of them have QoS 0, so that none overtakes them.
    pub(super) ordered: usize,
    /// The channel whose subscribers have to catch up before more is published.
    pub(super) held: Option<ChannelId>,
    /// Whether subscribers were handed something since output was written last.
    pub(super) handed_out: bool,
    /// Whether output has waited for that already.
    waited: bool,
    /// What has to be done before the next packet is looked at.
    pub(super) work: Option<LocalBoxFuture<'static, Done>>,
    lost: Lost,
    keep_alive: Option<KeepAlive>,
}

impl Conn {
    /// Answers the CONNECT and serves the connection in a task of its own.
    pub(super) fn start(
        shard: &Rc<Shard>,
        transport: Transport,
        entrance: Entrance,
        mut opened: Opened,
    ) {
        let connect = opened.connect;
        let (connack, keep_alive) = connack(
            shard,
            &connect,
            &opened.session,
            opened.session_present,
            opened.assigned,
        );
        let default_channel = opened.admission.default_channel();
        opened.session.will = connect.will.clone().map(Box::new);
        let peer = add_peer(shard, &connect, default_channel, opened.session);
        peer.send(&Outgoing::ConnAck(&connack));
        opened.ownership.connected(&peer);
        shard.counters.connections.increment(1);
        let thing = opened.admission.thing();
        let reception = Rc::new(Reception::new(
            shard.clone(),
            peer.clone(),
            opened.admission,
        ));
        let lost = reception.lost();
        let persistent = peer.session.borrow().is_persistent();
        let journal = persistent.then(|| Journal::new(shard, &peer));
        let resuming = reception.clone();
        let conn = Box::new(Self {
            lost,
            journal,
            thing,
            aliases: Aliases::new(shard.node.config.topic_alias_maximum, default_channel),
            topics: LastTopic::default(),
            rates: opened.rates,
            input: Input::new(opened.rest),
            publishes: FuturesOrdered::new(),
            ordered: 0,
            held: None,
            handed_out: false,
            waited: false,
            work: Some(Box::pin(
                async move { Done::Resumed(resuming.resume().await) },
            )),
            keep_alive: KeepAlive::new(keep_alive),
            ownership: opened.ownership,
            shard: shard.clone(),
            peer,
            reception,
            transport,
            entrance,
        });
        shard.tasks.spawn_local(conn.serve());
    }

    async fn serve(mut self: Box<Self>) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        // An idle connection shall not have the room that its end takes.
        Box::pin(self.conclude(end)).await;
    }

    /// Does all that can be done now: one turn of the event loop.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.peer.begin_turn();
        let turn = self.turn(cx);
        self.peer.end_turn(cx);
        match turn {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if let Some(close) = self.peer.closing() {
            return Err(End::Close(close));
        }
        if let Poll::Ready(loss) = self.lost.as_mut().poll(cx) {
            return Err(End::Lost(loss));
        }
        loop {
            // In this order: work that is done may be a message that is now to be published.
            self.poll_work(cx)?;
            self.poll_published(cx)?;
            let read = self.poll_input(cx)?;
            if !read {
                break;
            }
        }
        if self.is_blocked() {
            // It is not listened to, so it cannot be blamed for its silence.
            self.heard();
        }
        if let Some(keep_alive) = &mut self.keep_alive {
            keep_alive.poll(cx)?;
        }
        if self.lets_others_go_first() {
            cx.waker().wake_by_ref();
        } else {
            self.poll_output(cx)?;
        }
        self.peer.relieve();
        if self.input.stalled && !self.is_blocked() && !self.peer.is_full() {
            cx.waker().wake_by_ref();
        }
        match self.peer.closing() {
            Some(close) => Err(End::Close(close)),
            None => Ok(()),
        }
    }

    fn poll_published(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        while let Poll::Ready(Some(published)) = self.publishes.poll_next_unpin(cx) {
            self.on_published(published)?;
        }
        Ok(())
    }

    /// Goes on with what the next packet has to wait for; says whether it is done.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let Some(work) = &mut self.work else {
            return Ok(false);
        };
        let Poll::Ready(done) = work.as_mut().poll(cx) else {
            return Ok(false);
        };
        self.work = None;
        self.on_done(done)?;
        Ok(true)
    }

    /// Tells whether what waits to be written waits for one turn more: who is handed a message need not wait for the system call
    /// that tells its publisher so.
    fn lets_others_go_first(&mut self) -> bool {
        let handed_out = mem::take(&mut self.handed_out);
        self.waited = handed_out && !self.waited && self.peer.has_output();
        self.waited
    }

    /// Writes until nothing waits or the other side does not take more.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        self.peer.pump(&self.shard.counters);
        loop {
            match self.peer.poll_write(cx, &mut self.transport) {
                Poll::Ready(Ok(())) if self.peer.pump(&self.shard.counters) => {}
                Poll::Ready(Ok(())) | Poll::Pending => return Ok(()),
                Poll::Ready(Err(_)) => return Err(End::Gone),
            }
        }
    }

    /// Tells whether later packets have to wait.
    pub(super) fn is_blocked(&self) -> bool {
        self.work.is_some()
            || self.held.is_some()
            || self.publishes.len() >= usize::from(self.shard.node.config.receive_maximum)
    }

    pub(super) fn is_v5(&self) -> bool {
        self.peer.encoder.version == Version::V5
    }

    /// Notes that the client was heard.
    pub(super) fn heard(&mut self) {
        if let Some(keep_alive) = &mut self.keep_alive {
            keep_alive.heard();
        }
    }
}

/// Makes the side of the connection that the rest of its shard sees.
fn add_peer(
    shard: &Shard,
    connect: &Connect,
    default_channel: Option<ChannelId>,
    session: Session,
) -> Rc<Peer> {
    let config = &shard.node.config;
    let window = Window {
        inflight: connect.receive_maximum.get().min(config.max_inflight),
        queued: config.max_queued_messages,
        bytes: config.max_queued_bytes,
    };
    let (encoder, output) = (Encoder::from(connect), config.max_output_bytes);
    let aliases = connect.topic_alias_maximum.min(config.topic_alias_maximum);
    shard.add_peer(|id| {
        Peer::new(id, encoder, default_channel, session, window, output).with_aliases(aliases)
    })
}
