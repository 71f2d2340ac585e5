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

/// The identifier of a QoS 2 message with this place.
fn placed(seq: u16) -> PacketId {
    id(0x8000 | seq)
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
    assert_eq!(offer(1), Offer::Send(placed(1)));
    assert_eq!(offer(2), Offer::Queued);
    assert_eq!(offer(3), Offer::Full);
    assert!(outbound.next(window).is_none());
    outbound.receive(placed(1));
    let next = outbound.next(window).map(|next| next.id);
    assert_eq!(next, Some(placed(2)), "the first is the client's now");
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
        outbound.acknowledge(placed(2)).is_none(),
        "QoS 2 is not done with PUBACK"
    );
    assert!(!outbound.receive(id(1)).1, "QoS 1 has no PUBREC");
    assert_eq!(seq(outbound.acknowledge(id(2))), Some(3));
    assert_eq!(seq(outbound.acknowledge(id(1))), Some(1));
    assert!(outbound.acknowledge(id(1)).is_none());
    assert!(!outbound.complete(placed(2)), "PUBCOMP before PUBREC");
    let (done, release) = outbound.receive(placed(2));
    assert_eq!((seq(done), release), (Some(2), true));
    let (done, release) = outbound.receive(placed(2));
    assert!(done.is_none() && release, "a repeated PUBREC is answered");
    assert!(outbound.complete(placed(2)) && !outbound.complete(placed(2)));
    assert_eq!(outbound.inflight(), 0);
    assert!(outbound.acknowledge(id(9)).is_none());
}

#[test]
fn a_refused_message_is_done_with() {
    let mut outbound = Outbound::default();
    outbound.offer(delivery(Qos::ExactlyOnce, 1), NARROW);
    assert_eq!(seq(outbound.refuse(placed(1))), Some(1));
    assert_eq!(outbound.inflight(), 0);
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_not_acknowledged_in_order() {
    let mut outbound = Outbound::default();
    outbound.offer(delivery(Qos::ExactlyOnce, 1), NARROW);
    outbound.offer(delivery(Qos::AtLeastOnce, 2), NARROW);
    outbound.receive(placed(1));
    outbound.acknowledge(id(1));
    outbound.offer(delivery(Qos::AtLeastOnce, 3), NARROW);
    outbound.offer(delivery(Qos::AtLeastOnce, 4), NARROW);
    assert_eq!(outbound.resume(), [placed(1)]);
    let next = outbound.next(NARROW).unwrap();
    assert_eq!((next.id, next.again), (id(1), true));
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
    for base in [0, 1, 32_765, 32_766, 32_767, 65_535] {
        let mut outbound = Outbound::starting_at(base);
        for seq in 1..=4 {
            let Offer::Send(id) = outbound.offer(delivery(Qos::AtLeastOnce, seq), wide) else {
                panic!("not sent");
            };
            assert_eq!(seq_of(&mut outbound, id), Some(seq), "{base}");
        }
    }
    let offer = Outbound::starting_at(32_766).offer(delivery(Qos::AtLeastOnce, 1), wide);
    assert_eq!(offer, Offer::Send(id(0x7fff)));
}

#[test]
fn no_identifier_is_given_out_twice_however_wide_the_window() {
    let widest = Window {
        inflight: u16::MAX,
        queued: 1,
        bytes: usize::MAX,
    };
    let mut outbound = Outbound::starting_at(7);
    let message = delivery(Qos::AtLeastOnce, 1);
    let mut given = HashSet::new();
    while let Offer::Send(id) = outbound.offer(message.clone(), widest) {
        assert!(given.insert(id), "{id} is in use");
    }
    assert_eq!(given.len(), slots::NUMBERED);
    assert!(outbound.next(widest).is_none());
    outbound.acknowledge(id(9));
    assert_eq!(outbound.next(widest).map(|next| next.id), Some(id(9)));
}

#[test]
fn a_message_of_a_queue_is_sent_again_under_its_identifier_after_a_restart() {
    let wide = Window {
        inflight: 10,
        queued: 10,
        bytes: usize::MAX,
    };
    let queue = QueueId::from(ChannelId::from(uuid::Uuid::nil()));
    let mut before = Outbound::default();
    before.offer(delivery(Qos::ExactlyOnce, 1), wide);
    before.offer(delivery(Qos::ExactlyOnce, 2), wide);
    before.offer(delivery(Qos::ExactlyOnce, 3), wide);
    before.receive(placed(2));
    before.receive(placed(3));
    before.complete(placed(3));
    let taken = before.settle_taken().next().map(|(_, taken)| taken.clone());
    let taken = taken.unwrap();
    assert_eq!(taken.floor, Seq(0));
    assert_eq!(Vec::from_iter(taken.beyond.clone()), [Seq(2), Seq(3)]);

    let mut after = Outbound::starting_at(7);
    for id in before.released() {
        after.restore(id);
    }
    after.restore_taken(queue, taken.clone());
    assert_eq!(
        (after.resume(), after.taken(queue)),
        (vec![placed(2)], taken)
    );
    let again = after.offer(delivery(Qos::ExactlyOnce, 1), wide);
    assert_eq!(again, Offer::Send(placed(1)));
    // Another message with the identifier of one that is not released waits for that.
    let later = delivery(Qos::ExactlyOnce, 2 + 0x8000);
    assert_eq!(after.offer(later, wide), Offer::Queued);
    assert!(after.next(wide).is_none());
    assert!(after.complete(placed(2)));
    assert_eq!(after.next(wide).map(|next| next.id), Some(placed(2)));
}

#[test]
fn what_was_restored_keeps_its_identifier() {
    let mut outbound = Outbound::default();
    outbound.restore(id(1));
    outbound.restore(id(2));
    assert_eq!(outbound.inflight(), 2);
    let wide = Window {
        inflight: 10,
        queued: 0,
        bytes: usize::MAX,
    };
    let offer = outbound.offer(delivery(Qos::AtLeastOnce, 1), wide);
    assert_eq!(offer, Offer::Send(id(3)));
    assert!(outbound.complete(id(1)) && outbound.complete(id(2)));
    assert_eq!(outbound.inflight(), 1);
}

fn seq_of(outbound: &mut Outbound, id: PacketId) -> Option<u64> {
    match outbound.stage(id)? {
        Stage::Sent(delivery) => Some(delivery.place?.seq.0),
        Stage::Released => None,
    }
}
