//! Random lives of a session, against what a client and a publisher are promised.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use messaging::{Message, Protocol, Seq};
use model::{ChannelId, Subtopic, ThingId};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Arrival, Delivery, Inbound, Offer, Outbound, Place, Window};
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
    cursor: usize,
    held: HashSet<Seq>,
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
            cursor: 0,
            held: HashSet::new(),
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
                seq: Seq(self.log.len() as u64),
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
        let seq = self.cursor as u64;
        self.cursor += 1;
        if self.settled.contains(&seq) || self.held.remove(&Seq(seq)) {
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
            Some(ToClient::Publish(id, Qos::ExactlyOnce, seq, again)) => {
                match self.holding.insert(id, seq) {
                    Some(before) => assert!(before == seq && again, "an identifier was in use"),
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
                self.down.push_back(ToClient::Release(id));
                done
            }
            Some(ToServer::Complete(id)) => {
                self.outbound.complete(id);
                None
            }
            None => None,
        };
        self.settled
            .extend(done.map(|done| done.place.unwrap().seq.0));
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
        for (seq, delivery) in world.log.iter().enumerate() {
            let times = world.taken.get(&(seq as u64)).copied().unwrap_or_default();
            let right = if delivery.qos == Qos::ExactlyOnce { times == 1 } else { times >= 1 };
            prop_assert!(right, "{} of {:?} came {} times", seq, delivery.qos, times);
        }
    }
}

/// What can happen to a client that publishes with QoS 2.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish,
    /// The server handles the next packet.
    Server,
    /// The bus answers for the oldest message it has; it takes it or not.
    Bus(bool),
    /// The client handles the server's next packet.
    Client,
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Publish),
        4 => Just(Step::Server),
        3 => any::<bool>().prop_map(Step::Bus),
        4 => Just(Step::Client),
        1 => Just(Step::Reconnect),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Packet {
    Publish(PacketId, u32),
    Release(PacketId),
    /// PUBREC; whether it accepts.
    Received(PacketId, bool),
    Complete(PacketId),
}

#[derive(Default)]
struct Publisher {
    inbound: Inbound,
    /// The messages of the client that are not done with: whether PUBREC has come.
    open: BTreeMap<PacketId, (u32, bool)>,
    up: VecDeque<Packet>,
    down: VecDeque<Packet>,
    bus: VecDeque<(PacketId, u32)>,
    /// How often the bus has taken each message, and which it has refused.
    taken: BTreeMap<u32, u32>,
    refused: HashSet<u32>,
    count: u32,
}

impl Publisher {
    fn happen(&mut self, step: Step) {
        match step {
            Step::Publish => self.publish(),
            Step::Server => self.server(),
            Step::Bus(takes) => self.answer(takes),
            Step::Client => self.client(),
            Step::Reconnect => self.reconnect(),
        }
    }

    fn publish(&mut self) {
        let free = (1..=3).filter_map(PacketId::new);
        let Some(id) = free.into_iter().find(|id| !self.open.contains_key(id)) else {
            return;
        };
        self.count += 1;
        self.open.insert(id, (self.count, false));
        self.up.push_back(Packet::Publish(id, self.count));
    }

    fn server(&mut self) {
        match self.up.pop_front() {
            Some(Packet::Publish(id, message)) => match self.inbound.arrive(id) {
                Arrival::New => self.bus.push_back((id, message)),
                Arrival::Pending => {}
                Arrival::Repeated => self.down.push_back(Packet::Received(id, true)),
            },
            Some(Packet::Release(id)) => {
                self.inbound.release(id);
                self.down.push_back(Packet::Complete(id));
            }
            _ => {}
        }
    }

    fn answer(&mut self, takes: bool) {
        let Some((id, message)) = self.bus.pop_front() else {
            return;
        };
        if takes {
            *self.taken.entry(message).or_default() += 1;
            self.inbound.accept(id);
        } else {
            self.refused.insert(message);
            self.inbound.refuse(id);
        }
        self.down.push_back(Packet::Received(id, takes));
    }

    fn client(&mut self) {
        match self.down.pop_front() {
            Some(Packet::Received(id, true)) => {
                if let Some((_, received)) = self.open.get_mut(&id) {
                    *received = true;
                }
                self.up.push_back(Packet::Release(id));
            }
            Some(Packet::Received(id, false) | Packet::Complete(id)) => {
                self.open.remove(&id);
            }
            _ => {}
        }
    }

    fn reconnect(&mut self) {
        // The connection waits for the bus when it ends, so that nothing it has accepted is forgotten.
        while !self.bus.is_empty() {
            self.answer(true);
        }
        self.up.clear();
        self.down.clear();
        self.inbound.forget_unanswered();
        for (id, (message, received)) in &self.open {
            self.up.push_back(if *received {
                Packet::Release(*id)
            } else {
                Packet::Publish(*id, *message)
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_published_with_qos_2_reaches_the_bus_once(steps in vec(step(), 0..120)) {
        let mut publisher = Publisher::default();
        for step in steps {
            publisher.happen(step);
            prop_assert!(publisher.inbound.len() <= 3);
        }
        for _ in 0..20 {
            for step in [Step::Server, Step::Bus(true), Step::Client] {
                publisher.happen(step);
            }
        }
        prop_assert!(publisher.open.is_empty());
        prop_assert_eq!(publisher.inbound.len(), 0);
        for message in 1..=publisher.count {
            let times = publisher.taken.get(&message).copied().unwrap_or_default();
            // The client sends again what was refused when the refusal is lost with its connection.
            let refused = publisher.refused.contains(&message);
            prop_assert!(times == 1 || (refused && times == 0), "message {} came {} times", message, times);
        }
    }
}
