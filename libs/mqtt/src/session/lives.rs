//! Random lives of a session, against what a client that receives is promised; one that publishes is beside it.

mod publishing;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use messaging::{Message, Protocol, Seq};
use model::{ChannelId, Subtopic, ThingId};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Delivery, Offer, Outbound, Place, Taken, Window};
use crate::packet::{PacketId, Qos};

/// What can happen to a session that receives.
#[derive(Clone, Copy, Debug)]
enum Event {
    Publish(Qos),
    /// The next message comes from the durable queue.
    Feed,
    /// What waits is looked at.
    Pump,
    /// The client handles the next packet.
    Client,
    /// The server handles the client's next packet.
    Server,
    /// The connection is lost with all that was on its way, and the client comes back with another receive maximum.
    Reconnect(u16),
    /// The node dies or loses the session to another, and the client comes back there: what is on record counts, and the
    /// durable queue may bring anything again.
    Move(u16),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Publish(Qos::AtLeastOnce)),
        2 => Just(Event::Publish(Qos::ExactlyOnce)),
        3 => Just(Event::Feed),
        2 => Just(Event::Pump),
        4 => Just(Event::Client),
        4 => Just(Event::Server),
        1 => (1..5_u16).prop_map(Event::Reconnect),
        1 => (1..5_u16).prop_map(Event::Move),
    ]
}

#[derive(Clone, Copy, Debug)]
enum ToClient {
    Publish(PacketId, Qos, u64, bool),
    Release(PacketId),
}

#[derive(Clone, Copy, Debug)]
enum ToServer {
    Ack(PacketId),
    Received(PacketId),
    Complete(PacketId),
}

/// A session, the durable queue it reads, its client and the wires between them.
struct World {
    outbound: Outbound,
    window: Window,
    channel: ChannelId,
    log: Vec<Delivery>,
    settled: HashSet<u64>,
    /// What the durable queue will not bring again.
    acknowledged: HashSet<u64>,
    cursor: usize,
    held: HashSet<Seq>,
    /// What the client had taken of the queue when it was opened.
    known: Taken,
    /// What is stored of the exchanges: what was released, and what was taken.
    record: (Vec<PacketId>, Taken),
    down: VecDeque<ToClient>,
    up: VecDeque<ToServer>,
    /// The identifiers the client holds for QoS 2, and how often it has taken each message.
    holding: HashMap<PacketId, u64>,
    taken: BTreeMap<u64, u32>,
}

impl World {
    fn new() -> Self {
        Self {
            outbound: Outbound::default(),
            window: Window {
                inflight: 2,
                queued: 100,
                bytes: usize::MAX,
            },
            channel: ChannelId::random(),
            log: Vec::new(),
            settled: HashSet::new(),
            acknowledged: HashSet::new(),
            cursor: 0,
            held: HashSet::new(),
            known: Taken::default(),
            record: Default::default(),
            down: VecDeque::new(),
            up: VecDeque::new(),
            holding: HashMap::new(),
            taken: BTreeMap::new(),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Publish(qos) => self.publish(qos),
            Event::Feed => self.feed(),
            Event::Pump => self.pump(),
            Event::Client => self.client(),
            Event::Server => self.server(),
            Event::Reconnect(inflight) => self.reconnect(inflight),
            Event::Move(inflight) => self.move_away(inflight),
        }
    }

    fn publish(&mut self, qos: Qos) {
        let message = Message::new(
            self.channel,
            Subtopic::default(),
            ThingId::random(),
            Protocol::Mqtt,
            Bytes::new(),
        );
        self.log.push(Delivery {
            message: Arc::new(message),
            qos,
            retain: false,
            relative: false,
            subscription_ids: Vec::new(),
            place: Some(Place {
                queue: self.channel.into(),
                seq: Seq(self.log.len() as u64 + 1),
            }),
        });
    }

    fn feed(&mut self) {
        if !self.outbound.has_room(self.window) {
            return;
        }
        let Some(delivery) = self.log.get(self.cursor).cloned() else {
            return;
        };
        self.cursor += 1;
        let seq = self.cursor as u64;
        if self.acknowledged.contains(&seq) || self.held.remove(&Seq(seq)) {
            return;
        }
        if Seq(seq) <= self.known.floor || self.known.beyond.contains(&Seq(seq)) {
            self.settle_one(seq);
            return;
        }
        let qos = delivery.qos;
        match self.outbound.offer(delivery, self.window) {
            Offer::Send(id) => self.send(id, qos, seq, false),
            other => panic!("there was room: {other:?}"),
        }
    }

    fn send(&mut self, id: PacketId, qos: Qos, seq: u64, again: bool) {
        self.down.push_back(ToClient::Publish(id, qos, seq, again));
    }

    fn pump(&mut self) {
        let Some(next) = self.outbound.next(self.window) else {
            return;
        };
        let seq = next.delivery.place.unwrap().seq.0;
        let (id, qos, again) = (next.id, next.delivery.qos, next.again);
        assert!(again, "everything else is sent when it is fed");
        self.send(id, qos, seq, again);
    }

    fn client(&mut self) {
        match self.down.pop_front() {
            Some(ToClient::Publish(id, Qos::ExactlyOnce, seq, _)) => {
                match self.holding.insert(id, seq) {
                    Some(before) => assert_eq!(before, seq, "an identifier was in use"),
                    None => *self.taken.entry(seq).or_default() += 1,
                }
                self.up.push_back(ToServer::Received(id));
            }
            Some(ToClient::Publish(id, _, seq, _)) => {
                *self.taken.entry(seq).or_default() += 1;
                self.up.push_back(ToServer::Ack(id));
            }
            Some(ToClient::Release(id)) => {
                self.holding.remove(&id);
                self.up.push_back(ToServer::Complete(id));
            }
            None => {}
        }
    }

    fn server(&mut self) {
        let done = match self.up.pop_front() {
            Some(ToServer::Ack(id)) => self.outbound.acknowledge(id),
            Some(ToServer::Received(id)) => {
                let (done, known) = self.outbound.receive(id);
                assert!(known, "the client answers what it was sent");
                self.store();
                self.down.push_back(ToClient::Release(id));
                done
            }
            Some(ToServer::Complete(id)) => {
                self.outbound.complete(id);
                None
            }
            None => None,
        };
        if let Some(done) = done {
            self.settle_one(done.place.unwrap().seq.0);
        }
    }

    fn settle_one(&mut self, seq: u64) {
        self.settled.insert(seq);
        self.acknowledged.insert(seq);
    }

    fn store(&mut self) {
        let taken = self.outbound.settle_taken().next();
        let taken = taken.map(|(_, taken)| taken.clone()).unwrap_or_default();
        self.record = (self.outbound.released(), taken);
    }

    fn move_away(&mut self, inflight: u16) {
        self.down.clear();
        self.up.clear();
        self.acknowledged.clear();
        self.held.clear();
        self.cursor = 0;
        self.window.inflight = inflight;
        let (released, taken) = self.record.clone();
        // Anywhere else: what is numbered is not known any more.
        self.outbound = Outbound::starting_at(inflight * 1000);
        for id in released {
            self.outbound.restore(id);
        }
        let queue = self.channel.into();
        self.outbound.restore_taken(queue, taken.clone());
        self.known = taken;
        let released = self.outbound.resume();
        self.down
            .extend(released.into_iter().map(ToClient::Release));
    }

    fn reconnect(&mut self, inflight: u16) {
        self.down.clear();
        self.up.clear();
        self.outbound.clear_queue();
        self.window.inflight = inflight;
        self.cursor = 0;
        let places = self.outbound.places(self.channel.into());
        self.held = places.into_iter().collect();
        let released = self.outbound.resume();
        self.down
            .extend(released.into_iter().map(ToClient::Release));
    }

    /// Tells how many messages are on their way by what the wires and the client show, at most.
    fn check(&self) {
        let fresh = self
            .down
            .iter()
            .filter(|packet| matches!(packet, ToClient::Publish(.., again) if !again));
        assert!(fresh.count() <= usize::from(self.window.inflight));
    }

    /// Lets everything come to its end.
    fn settle(&mut self) {
        for _ in 0..20 * (self.log.len() + 1) {
            for event in [Event::Feed, Event::Pump, Event::Client, Event::Server] {
                self.happen(event);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everything_published_arrives_and_qos_2_once(events in vec(event(), 0..120)) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
            world.check();
        }
        world.settle();
        prop_assert_eq!(world.settled.len(), world.log.len());
        prop_assert_eq!(world.outbound.inflight(), 0);
        prop_assert!(world.holding.is_empty());
        for (seq, delivery) in (1..).zip(&world.log) {
            let times = world.taken.get(&seq).copied().unwrap_or_default();
            let right = if delivery.qos == Qos::ExactlyOnce { times == 1 } else { times >= 1 };
            prop_assert!(right, "{} of {:?} came {} times", seq, delivery.qos, times);
        }
    }
}
