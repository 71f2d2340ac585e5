use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::frame::append;
use super::*;

const SALT: u32 = 99;

fn scope() -> Scope {
    Scope {
        salt: SALT,
        from: 1,
        until: u64::MAX,
        to_end: true,
    }
}

fn file(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (seq, body) in (1..).zip(bodies) {
        append(&mut bytes, SALT, seq, body);
    }
    bytes
}

fn frames(bytes: &[u8]) -> BTreeMap<u64, Vec<u8>> {
    Scan::new(bytes, scope())
        .filter_map(|item| match item {
            Item::Frame { seq, body, .. } => Some((seq, body.to_vec())),
            Item::Damage { .. } => None,
        })
        .collect()
}

fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..20)
}

proptest! {
    #[test]
    fn damage_never_shows_as_a_record(
        bodies in bodies(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = file(&bodies);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        for (seq, body) in frames(&bytes) {
            prop_assert_eq!(&bodies[usize::try_from(seq).unwrap() - 1], &body);
        }
    }

    #[test]
    fn one_damaged_byte_costs_one_record(bodies in bodies(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = file(&bodies);
        let place = place.index(bytes.len());
        bytes[place] ^= 1u8 << bit;
        prop_assert_eq!(frames(&bytes).len(), bodies.len() - 1);
        let damaged: Vec<_> = Scan::new(&bytes, scope()).filter(|item| matches!(item, Item::Damage { .. })).collect();
        let [Item::Damage { at, len }] = damaged.as_slice() else {
            return Err(TestCaseError::fail(format!("{damaged:?}")));
        };
        prop_assert!((*at..at + len).contains(&place));
    }

    #[test]
    fn every_byte_is_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut scan = Scan::new(&bytes, scope());
        scan.by_ref().for_each(drop);
        prop_assert_eq!(scan.at(), bytes.len());
    }
}

#[test]
fn what_a_device_sent_is_never_taken_for_a_frame() {
    let mut forged = Vec::new();
    append(&mut forged, 0, 2, b"forged");
    let mut bytes = file(&[forged, b"real".to_vec()]);
    bytes[5] ^= 1;
    assert_eq!(frames(&bytes), BTreeMap::from([(2, b"real".to_vec())]));
}

#[test]
fn numbers_go_up() {
    let mut bytes = Vec::new();
    for seq in [5, 4, 5, 9] {
        append(&mut bytes, SALT, seq, b"x");
    }
    assert_eq!(frames(&bytes).into_keys().collect::<Vec<_>>(), [5, 9]);
}

#[test]
fn a_frame_that_goes_on_elsewhere_is_waited_for() {
    let bytes = file(&[b"one".to_vec(), b"two".to_vec()]);
    let part = &bytes[..bytes.len() - 1];
    let mut scan = Scan::new(
        part,
        Scope {
            to_end: false,
            ..scope()
        },
    );
    assert!(matches!(scan.next(), Some(Item::Frame { seq: 1, .. })));
    assert_eq!(scan.next(), None);
    assert_eq!((scan.at(), scan.from()), (HEADER + 3, 2));
}

#[test]
fn the_search_for_a_good_frame_ends() {
    let mut bytes = Vec::new();
    for seq in 1..=20_000u64 {
        bytes.extend_from_slice(&100_000u32.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&seq.to_le_bytes());
    }
    assert_eq!(frames(&bytes), BTreeMap::new());
}
