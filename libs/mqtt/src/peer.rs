use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use messaging::{Message, Seq};
use model::{ChannelId, Timestamp};
use tokio::sync::Notify;

use crate::codec::{Encoder, PublishCopy};
use crate::counters::Counters;
use crate::frames::Frames;
use crate::outbuf::OutBuf;
use crate::packet::{Ack, Outgoing, PacketId, Qos, Reason, Version};
use crate::pressure::{Press, Pressure};
use crate::session::{Delivery, Offer, Place, Session, Wanted, Window};
use crate::shard::Shard;
use crate::transport::Transport;

/// Stands for a connection in the index of its shard.
pub(crate) type PeerId = u32;

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) reason: Reason,
    pub(crate) detail: &'static str,
}

/// The side of a connection that everything else in its shard sees: its session, and what is to be written to it.
///
/// Whoever adds something wakes the connection's task once; that writes all of it in the next turn of the event loop.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) encoder: Encoder,
    pub(crate) session: RefCell<Session>,
    /// Tells the feeds that there is room, or that something was settled.
    pub(crate) progress: Notify,
    /// What the client has taken of its durable queues and the bus has not been told yet.
    settled: RefCell<Vec<Place>>,
    /// Whether a feed waits for room.
    starved: Cell<bool>,
    out: RefCell<OutBuf>,
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

/// Publishers wait when more than this part of what may wait for a client does: a half.
const HIGH: usize = 2;
/// They go on when less than this part does: a quarter.
const LOW: usize = 4;
/// How many channels one client can press at a time; beyond that it may lose messages.
const MAX_PRESSED: usize = 16;

impl Peer {
    pub(crate) fn new(
        id: PeerId,
        encoder: Encoder,
        session: Session,
        window: Window,
        max_output: usize,
    ) -> Self {
        Self {
            id,
            encoder,
            session: RefCell::new(session),
            progress: Notify::new(),
            settled: RefCell::default(),
            starved: Cell::new(false),
            out: RefCell::default(),
            backlog: RefCell::default(),
            waker: RefCell::default(),
            awake: Cell::new(false),
            close: Cell::new(None),
            pressing: RefCell::default(),
            window,
            max_output,
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

    /// Adds a packet.
    pub(crate) fn send(&self, packet: &Outgoing<'_>) {
        self.out.borrow_mut().append(|buf| {
            self.encoder.encode(packet, buf);
            None
        });
        self.wake();
    }

    /// Adds a message the client subscribes to, as far as there is room.
    pub(crate) fn deliver(
        &self,
        message: &Arc<Message>,
        frames: &mut Frames<'_>,
        wanted: Wanted,
        retain: bool,
        shard: &Shard,
    ) {
        let counters = &shard.counters;
        let qos = published_qos(message).min(wanted.qos);
        let delivery = Delivery {
            message: message.clone(),
            qos,
            retain,
            subscription_ids: wanted.ids,
            place: None,
        };
        if qos == Qos::AtMostOnce {
            if self.is_full() {
                counters.dropped_slow.add(1);
            } else {
                self.write_publish(frames, &delivery, None, false, counters);
            }
        } else {
            self.offer(&delivery, frames, counters);
        }
        if self.is_beyond(HIGH) {
            self.press(&shard.node.pressure, message.channel);
        }
    }

    /// Has the publishers of a channel wait for a while.
    fn press(&self, pressure: &Arc<Pressure>, channel: ChannelId) {
        let mut pressing = self.pressing.borrow_mut();
        let known = pressing.iter().any(|press| press.channel == channel);
        if !known && pressing.len() < MAX_PRESSED {
            pressing.push(pressure.press(channel));
        }
    }

    /// Lets publishers go on that wait for this client, when it has caught up.
    pub(crate) fn relieve(&self) {
        if !self.pressing.borrow().is_empty() && !self.is_beyond(LOW) {
            self.pressing.borrow_mut().clear();
        }
    }

    /// Lets publishers go on that wait for this client, because it is gone.
    pub(crate) fn give_up(&self) {
        self.pressing.borrow_mut().clear();
    }

    /// Tells whether more than a part of what may wait for this client does.
    fn is_beyond(&self, part: usize) -> bool {
        let output = self.out.borrow().len() > self.max_output / part;
        output || self.session.borrow().outbound.queued() > self.window.queued / part
    }

    /// Takes a QoS 1 or 2 message, and sends it when it may go at once; says whether the client will get it.
    pub(crate) fn offer(
        &self,
        delivery: &Delivery,
        frames: &mut Frames<'_>,
        counters: &Counters,
    ) -> bool {
        let mut session = self.session.borrow_mut();
        let offer = if self.is_full() {
            session.outbound.hold(delivery.clone(), self.window)
        } else {
            session.outbound.offer(delivery.clone(), self.window)
        };
        match offer {
            Offer::Send(id) => {
                let sent = self.write_publish(frames, delivery, Some(id), false, counters);
                if !sent {
                    session.outbound.refuse(id);
                }
                sent
            }
            Offer::Queued => true,
            Offer::Full => {
                self.cut_slow(counters);
                false
            }
        }
    }

    /// Notes that the client has taken a message.
    pub(crate) fn settle(&self, delivery: &Delivery) {
        if let Some(place) = delivery.place {
            self.settled.borrow_mut().push(place);
            self.progress.notify_waiters();
        }
    }

    /// Returns what the client has taken of its queue for a channel.
    pub(crate) fn take_settled(&self, channel: ChannelId) -> Vec<Seq> {
        let mut settled = self.settled.borrow_mut();
        let of_channel = settled.extract_if(.., |place| place.channel == channel);
        of_channel.map(|place| place.seq).collect()
    }

    fn cut_slow(&self, counters: &Counters) {
        if self.close.get().is_none() {
            counters.cut_slow.add(1);
        }
        self.close(
            Reason::QuotaExceeded,
            "too many messages wait for this client",
        );
    }

    /// Sends QoS 0 at once; for those who have made sure that there is room.
    pub(crate) fn send_unacknowledged(
        &self,
        delivery: &Delivery,
        frames: &mut Frames<'_>,
        counters: &Counters,
    ) {
        self.write_publish(frames, delivery, None, false, counters);
    }

    /// Adds retained messages, to be sent as there is room; says whether there was room to keep them.
    pub(crate) fn add_backlog(
        &self,
        deliveries: impl IntoIterator<Item = Delivery>,
        limit: usize,
    ) -> bool {
        let mut backlog = self.backlog.borrow_mut();
        backlog.extend(deliveries);
        self.wake();
        backlog.len() <= limit
    }

    /// Sends what waited for room; says whether there was something.
    pub(crate) fn pump(&self, counters: &Counters) -> bool {
        let before = self.out.borrow().len();
        while !self.is_full() {
            let mut session = self.session.borrow_mut();
            let Some(next) = session.outbound.next(self.window) else {
                break;
            };
            let (id, delivery, again) = (next.id, next.delivery.clone(), next.again);
            // What was sent once may have been received, so it is brought to its end whatever its age.
            let sent = (again || self.is_fresh(&delivery, counters))
                && self.write_publish(
                    &mut Frames::new(&delivery.message),
                    &delivery,
                    Some(id),
                    again,
                    counters,
                );
            if !sent {
                session.outbound.refuse(id);
                drop(session);
                self.settle(&delivery);
            }
        }
        while !self.is_full() && self.has_room() {
            let Some(delivery) = self.backlog.borrow_mut().pop_front() else {
                break;
            };
            if !self.is_fresh(&delivery, counters) {
                continue;
            }
            let message = delivery.message.clone();
            let mut frames = Frames::new(&message);
            if delivery.qos == Qos::AtMostOnce {
                self.write_publish(&mut frames, &delivery, None, false, counters);
            } else {
                self.offer(&delivery, &mut frames, counters);
            }
        }
        if self.starved.get() && self.has_room() {
            self.starved.set(false);
            self.progress.notify_waiters();
        }
        self.out.borrow().len() > before
    }

    /// Has the feeds told when there is room.
    pub(crate) fn await_room(&self) {
        self.starved.set(true);
    }

    fn is_fresh(&self, delivery: &Delivery, counters: &Counters) -> bool {
        let fresh = delivery
            .message
            .expires
            .is_none_or(|expires| expires > Timestamp::now());
        if !fresh {
            counters.dropped_expired.add(1);
        }
        fresh
    }

    /// Begins to send again what the client has not acknowledged in its last connection.
    pub(crate) fn resend(&self) {
        let released = self.session.borrow_mut().outbound.resume();
        for packet_id in released {
            self.send(&Outgoing::PubRel(Ack {
                packet_id,
                reason: Reason::Success,
            }));
        }
    }

    /// Tells whether so much waits to be written that nothing should be added.
    pub(crate) fn is_full(&self) -> bool {
        self.out.borrow().len() > self.max_output
    }

    /// Tells whether another QoS 1 or 2 message would go at once.
    pub(crate) fn has_room(&self) -> bool {
        let session = self.session.borrow();
        !self.is_full() && session.outbound.len() < usize::from(self.window.inflight)
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

    /// Adds a PUBLISH; says whether the client takes one so large.
    fn write_publish(
        &self,
        frames: &mut Frames<'_>,
        delivery: &Delivery,
        id: Option<PacketId>,
        dup: bool,
        counters: &Counters,
    ) -> bool {
        let v5 = self.encoder.version == Version::V5;
        let copy = PublishCopy {
            delivery: id.map(|id| (delivery.qos, id)),
            dup,
            retain: delivery.retain,
            subscription_ids: if v5 { &delivery.subscription_ids } else { &[] },
            alias: None,
        };
        let frame = frames.get(self.encoder.version, id.is_some());
        let fits = frame.filter(|frame| frame.size(&copy) <= self.encoder.max_packet_size as usize);
        let Some(frame) = fits else {
            counters.dropped_large.add(1);
            return false;
        };
        self.out.borrow_mut().append(|buf| frame.write(&copy, buf));
        counters.sent(delivery.qos);
        self.wake();
        true
    }
}

/// Returns the QoS a message was published with.
pub(crate) fn published_qos(message: &Message) -> Qos {
    Qos::from_u8(message.qos).unwrap_or(Qos::ExactlyOnce)
}
