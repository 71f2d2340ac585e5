//! The side of a connection that the rest of its shard sees.

mod aliases;
mod delivery;
mod press;
mod waiting;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use model::ChannelId;
use tokio::sync::Notify;

use crate::codec::Encoder;
use crate::outbuf::OutBuf;
use crate::packet::{Outgoing, Reason};
use crate::pressure::Press;
use crate::session::{Delivery, Place, Session, Window};
use aliases::Aliases;
pub(crate) use delivery::published_qos;

use crate::transport::Transport;

/// Stands for a connection in the index of its shard.
pub(crate) type PeerId = u32;

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) reason: Reason,
    pub(crate) detail: &'static str,
}

/// The end of a client that does not take an answer: it cannot be told either.
pub(crate) const OVERSIZED: Close = Close {
    reason: Reason::PacketTooLarge,
    detail: "an answer is larger than the client takes",
};

/// The side of a connection that everything else in its shard sees: its session, and what is to be written to it.
///
/// Whoever adds something wakes the connection's task once; that writes all of it in the next turn of the event loop.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) encoder: Encoder,
    /// The channel that topics and filters of the client without one are below.
    pub(crate) default_channel: Option<ChannelId>,
    pub(crate) session: RefCell<Session>,
    /// Tells the feeds that there is room, or that something was settled.
    pub(crate) progress: Notify,
    /// What the client has taken of its durable queues and the bus has not been told yet.
    settled: RefCell<Vec<Place>>,
    /// Whether a feed waits for room.
    starved: Cell<bool>,
    out: RefCell<OutBuf>,
    aliases: RefCell<Aliases>,
    /// Whether what was begun on an earlier connection has its turn now.
    resumed: Cell<bool>,
    /// Retained messages that wait for their turn.
    backlog: RefCell<VecDeque<Delivery>>,
    waker: RefCell<Option<Waker>>,
    /// Whether the task of the connection is at work: what is added now, it sees at the end of its turn.
    awake: Cell<bool>,
    close: Cell<Option<Close>>,
    /// The channels whose publishers wait for this client to catch up.
    pressing: RefCell<Vec<Press>>,
    window: Window,
    max_output: usize,
}

impl Peer {
    pub(crate) fn new(
        id: PeerId,
        encoder: Encoder,
        default_channel: Option<ChannelId>,
        session: Session,
        window: Window,
        max_output: usize,
    ) -> Self {
        Self {
            id,
            encoder,
            default_channel,
            session: RefCell::new(session),
            progress: Notify::new(),
            settled: RefCell::default(),
            starved: Cell::new(false),
            out: RefCell::default(),
            aliases: RefCell::default(),
            resumed: Cell::new(false),
            backlog: RefCell::default(),
            waker: RefCell::default(),
            awake: Cell::new(false),
            close: Cell::new(None),
            pressing: RefCell::default(),
            window,
            max_output,
        }
    }

    /// Gives the client up to this many topic aliases.
    pub(crate) fn with_aliases(self, maximum: u16) -> Self {
        Self {
            aliases: RefCell::new(Aliases::new(maximum)),
            ..self
        }
    }

    /// Begins a turn of the connection's task.
    pub(crate) fn begin_turn(&self) {
        self.awake.set(true);
    }

    /// Ends a turn: the next change wakes the task.
    pub(crate) fn end_turn(&self, cx: &Context<'_>) {
        self.awake.set(false);
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(known) => known.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
    }

    fn wake(&self) {
        if self.awake.get() {
            return;
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Ends the connection; the first reason counts.
    pub(crate) fn close(&self, reason: Reason, detail: &'static str) {
        if self.close.get().is_none() {
            self.close.set(Some(Close { reason, detail }));
            self.wake();
        }
    }

    pub(crate) fn closing(&self) -> Option<Close> {
        self.close.get()
    }

    /// Adds a packet; ends the connection when the client does not take one so large.
    pub(crate) fn send(&self, packet: &Outgoing<'_>) {
        let mut fits = true;
        self.out.borrow_mut().append(|buf| {
            let start = buf.len();
            self.encoder.encode(packet, buf);
            fits = buf.len() - start <= self.encoder.max_packet_size as usize;
            if !fits {
                buf.truncate(start);
            }
            None
        });
        if fits {
            self.wake();
        } else if self.close.get().is_none() {
            self.close.set(Some(OVERSIZED));
            self.wake();
        }
    }

    /// Tells whether so much waits to be written that nothing should be added.
    pub(crate) fn is_full(&self) -> bool {
        self.out.borrow().len() > self.max_output
    }

    /// Tells whether anything waits to be written.
    pub(crate) fn has_output(&self) -> bool {
        self.out.borrow().len() > 0
    }

    /// Takes what waits, from a connection that is about to end.
    pub(crate) fn take_output(&self) -> OutBuf {
        self.out.take()
    }

    /// Writes what waits.
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        transport: &mut Transport,
    ) -> Poll<std::io::Result<()>> {
        self.out.borrow_mut().poll_write(cx, transport)
    }
}
