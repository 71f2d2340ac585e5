use bytes::Bytes;
use messaging::Protocol;
use model::{ChannelId, Subtopic, ThingId};

use super::*;

const NARROW: Window = Window {
    inflight: 2,
    queued: 1,
    bytes: usize::MAX,
};

fn delivery(qos: Qos, seq: u64) -> Delivery {
    let channel = ChannelId::from(uuid::Uuid::nil());
    Delivery {
        message: Arc::new(Message::new(
            channel,
            Subtopic::default(),
            ThingId::random(),
            Protocol::Mqtt,
            Bytes::new(),
        )),
        qos,
        retain: false,
        relative: false,
        subscription_ids: Vec::new(),
        place: Some(Place {
            queue: channel.into(),
            seq: Seq(seq),
        }),
    }
}

fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

fn seq(delivery: Option<Delivery>) -> Option<u64> {
    Some(delivery?.place?.seq.0)
}

#[test]
fn the_window_bounds_what_is_sent_and_the_queue_what_waits() {
    let mut outbound = Outbound::default();
    let mut offer = |seq| outbound.offer(delivery(Qos::AtLeastOnce, seq), NARROW);
    assert_eq!(offer(1), Offer::Send(id(1)));
    assert_eq!(offer(2), Offer::Send(id(2)));
    assert_eq!(offer(3), Offer::Queued);
    assert_eq!(offer(4), Offer::Full);
    assert!(outbound.next(NARROW).is_none());
    assert_eq!(seq(outbound.acknowledge(id(2))), Some(2));
    let next = outbound.next(NARROW).unwrap();
    assert_eq!(
        (next.id, next.delivery.place.unwrap().seq, next.again),
        (id(2), Seq(3), false)
    );
    assert!(!outbound.has_room(NARROW));
}

#[test]
fn bytes_bound_both_and_one_message_always_fits() {
    let size = delivery(Qos::AtLeastOnce, 0).message.size();
    let window = Window {
        inflight: 10,
        queued: 10,
        bytes: size - 1,
    };
    let mut outbound = Outbound::default();
    let mut offer = |seq| outbound.offer(delivery(Qos::ExactlyOnce, seq), window);
    assert_eq!(offer(1), Offer::Send(id(1)));
    assert_eq!(offer(2), Offer::Queued);
    assert_eq!(offer(3), Offer::Full);
    assert!(outbound.next(window).is_none());
    outbound.receive(id(1));
    let next = outbound.next(window).map(|next| next.id);
    assert_eq!(next, Some(id(2)), "the first is the client's now");
    assert_eq!(
        outbound.offer(delivery(Qos::AtLeastOnce, 4), window),
        Offer::Queued
    );
}

#[test]
fn what_waits_is_not_overtaken() {
    let mut outbound = Outbound::default();
    assert_eq!(
        outbound.hold(delivery(Qos::AtLeastOnce, 1), NARROW),
        Offer::Queued
    );
    assert_eq!(
        outbound.offer(delivery(Qos::AtLeastOnce, 2), NARROW),
        Offer::Full
    );
}

#[test]
fn acknowledgements_fit_their_qos_and_come_in_any_order() {
    let mut outbound = Outbound::default();
    let wide = Window {
        inflight: 10,
        queued: 0,
        bytes: usize::MAX,
    };
    outbound.offer(delivery(Qos::AtLeastOnce, 1), wide);
    outbound.offer(delivery(Qos::ExactlyOnce, 2), wide);
    outbound.offer(delivery(Qos::AtLeastOnce, 3), wide);
    assert!(
        outbound.acknowledge(id(2)).is_none(),
        "QoS 2 is not done with PUBACK"
    );
    assert!(!outbound.receive(id(1)).1, "QoS 1 has no PUBREC");
    assert_eq!(seq(outbound.acknowledge(id(3))), Some(3));
    assert_eq!(seq(outbound.acknowledge(id(1))), Some(1));
    assert!(outbound.acknowledge(id(1)).is_none());
    assert!(!outbound.complete(id(2)), "PUBCOMP before PUBREC");
    let (done, release) = outbound.receive(id(2));
    assert_eq!((seq(done), release), (Some(2), true));
    let (done, release) = outbound.receive(id(2));
    assert!(done.is_none() && release, "a repeated PUBREC is answered");
    assert!(outbound.complete(id(2)) && !outbound.complete(id(2)));
    assert_eq!(outbound.inflight(), 0);
    assert!(outbound.acknowledge(id(9)).is_none());
}

#[test]
fn a_refused_message_is_done_with() {
    let mut outbound = Outbound::default();
    outbound.offer(delivery(Qos::ExactlyOnce, 1), NARROW);
    assert_eq!(seq(outbound.refuse(id(1))), Some(1));
    assert_eq!(outbound.inflight(), 0);
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_not_acknowledged_in_order() {
    let mut outbound = Outbound::default();
    outbound.offer(delivery(Qos::ExactlyOnce, 1), NARROW);
    outbound.offer(delivery(Qos::AtLeastOnce, 2), NARROW);
    outbound.receive(id(1));
    outbound.acknowledge(id(2));
    outbound.offer(delivery(Qos::AtLeastOnce, 3), NARROW);
    outbound.offer(delivery(Qos::AtLeastOnce, 4), NARROW);
    assert_eq!(outbound.resume(), [id(1)]);
    let next = outbound.next(NARROW).unwrap();
    assert_eq!((next.id, next.again), (id(2), true));
    assert!(outbound.next(NARROW).is_none());
    let channel = ChannelId::from(uuid::Uuid::nil());
    assert_eq!(
        outbound.places(channel.into()),
        [Seq(3), Seq(4)],
        "the first is the client's by now"
    );
    assert!(outbound.places(ChannelId::random().into()).is_empty());
}

#[test]
fn a_narrower_window_holds_for_what_is_sent_again_and_before_what_is_new() {
    let mut outbound = Outbound::default();
    let wide = Window {
        inflight: 10,
        queued: 10,
        bytes: usize::MAX,
    };
    for seq in 1..=4 {
        outbound.offer(delivery(Qos::AtLeastOnce, seq), wide);
    }
    assert_eq!(outbound.resume(), []);
    outbound.offer(delivery(Qos::AtLeastOnce, 5), wide);
    outbound.acknowledge(id(2));
    let mut order = Vec::new();
    while let Some(next) = outbound.next(NARROW) {
        let (id, seq) = (next.id, next.delivery.place.unwrap().seq.0);
        order.push((seq, next.again));
        if order.len() > 1 {
            outbound.acknowledge(id);
        }
    }
    assert_eq!(order, [(1, true), (3, true), (4, true), (5, false)]);
    assert_eq!(outbound.inflight(), 1);
}

#[test]
fn identifiers_begin_anywhere_and_go_round() {
    let wide = Window {
        inflight: 10,
        queued: 0,
        bytes: usize::MAX,
    };
    for base in [0, 1, 65_533, 65_534, 65_535] {
        let mut outbound = Outbound::starting_at(base);
        for seq in 1..=4 {
            let Offer::Send(id) = outbound.offer(delivery(Qos::AtLeastOnce, seq), wide) else {
                panic!("not sent");
            };
            assert_eq!(seq_of(&mut outbound, id), Some(seq), "{base}");
        }
    }
    let offer = Outbound::starting_at(65_534).offer(delivery(Qos::AtLeastOnce, 1), wide);
    assert_eq!(offer, Offer::Send(PacketId::MAX));
}

fn seq_of(outbound: &mut Outbound, id: PacketId) -> Option<u64> {
    match outbound.stage(id)? {
        Stage::Sent(delivery) => Some(delivery.place?.seq.0),
        Stage::Released => None,
    }
}
