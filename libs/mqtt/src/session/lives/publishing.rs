use std::collections::{BTreeMap, HashSet, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::packet::PacketId;
use crate::session::{Arrival, Inbound};

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
                Arrival::Unsure(_) => unreachable!("nothing is restored here"),
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
