//! Whatever arrives, the codec answers: with a packet the other codec reads too, or with an error.

use std::fs;
use std::path::Path;

use bytes::BytesMut;
use mqtt::{Incoming, TopicFilter, TopicName, Version, decode, frame};
use proptest::collection::vec;
use proptest::prelude::*;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder as _;

use crate::theirs::LIMIT;

/// One packet of each kind, with every property, for mutations to start from.
const SEEDS: [&[u8]; 12] = [
    b"\x10\x18\0\x04MQTT\x04\xc2\0\x3c\0\x01a\0\x01u\0\x04pass",
    b"\x10\x14\0\x06MQIsdp\x03\x06\0\x3c\0\x01a\0\x01t\0\0",
    b"\x10\x4c\0\x04MQTT\x05\xce\0\x3c\x1b\x11\0\0\0\x01\x21\0\x01\x27\0\0\0\x10\x22\0\x01\x19\x01\x17\x01\x26\0\x01a\0\x01b\0\x01c\
      \x15\x18\0\0\0\x01\x01\x01\x02\0\0\0\x01\x03\0\x01x\x26\0\0\0\0\0\x01t\0\x01p\0\x01u\0\x01p",
    b"\x30\x05\0\x01apq",
    b"\x3b\x29\0\x03a/b\0\x07\x1f\x01\x01\x02\0\0\0\x09\x23\0\x01\x08\0\x01r\x09\0\x01c\x26\0\x01k\0\x01v\x03\0\x02ct\0pq",
    b"\x40\x02\0\x01",
    b"\x50\x06\0\x01\x10\x04\x1f\0\x01w",
    b"\x62\x04\0\x01\x92\0",
    b"\x82\x0d\0\x01\x02\x0b\x05\0\x01a\x2e\0\x01#\0",
    b"\xa2\x08\0\x01\0\0\x03a/b",
    b"\xe0\x07\x04\x05\x11\0\0\0\x05",
    b"\xf0\x08\x18\x06\x15\0\x03abc",
];
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

/// Reads a frame with the other codec; `None` where it is known to refuse what the specification allows.
fn they_read(version: Version, bytes: &[u8]) -> Result<bool, String> {
    let mut buffer = BytesMut::from(bytes);
    let first = match version {
        Version::V5 => v5::Codec::new(LIMIT, LIMIT)
            .decode(&mut buffer)
            .map(|packet| packet.is_some()),
        Version::V31 | Version::V311 => v3::Codec::new(LIMIT)
            .decode(&mut buffer)
            .map(|packet| packet.is_some()),
    };
    first.map_err(|error| error.to_string())
}

/// Tells whether the other codec refuses a packet that is allowed: a message expiry of 0, an empty client id that is to be
/// assigned in MQTT 5, a CONNECT shorter than 10 bytes.
fn they_refuse(packet: &Incoming<'_>) -> bool {
    match packet {
        Incoming::Publish(publish) => publish.properties.message_expiry == Some(0),
        Incoming::Connect(connect) => {
            connect.client_id.is_empty()
                || connect
                    .will
                    .as_ref()
                    .is_some_and(|will| will.message_expiry == Some(0))
        }
        _ => false,
    }
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(Some(length)) = frame(bytes, LIMIT as usize) else {
        return Ok(());
    };
    prop_assert!(length <= bytes.len());
    let whole = &bytes[..length];
    for version in VERSIONS {
        let Ok(packet) = decode(version, whole) else {
            continue;
        };
        let version = match &packet {
            Incoming::Connect(connect) => connect.version,
            Incoming::Publish(publish) => {
                prop_assert!(publish.properties.user.iter().count() <= 256);
                version
            }
            _ => version,
        };
        if !they_refuse(&packet) {
            prop_assert_eq!(they_read(version, whole), Ok(true), "{:?}", packet);
        }
    }
    Ok(())
}

/// Makes the remaining length fit, so that the body is reached.
fn repair(bytes: &mut [u8]) {
    if let Some(remaining) = bytes.len().checked_sub(2) {
        bytes[1] = u8::try_from(remaining.min(127)).unwrap();
    }
}

#[test]
fn the_seeds_are_packets() {
    for seed in SEEDS {
        let mut seed = seed.to_vec();
        repair(&mut seed);
        let read = VERSIONS
            .iter()
            .any(|version| decode(*version, &seed).is_ok());
        assert!(read, "{seed:x?}");
    }
}

#[test]
fn the_seeds_of_the_fuzz_targets_are_packets_and_topics() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let files = |target: &str| {
        let files = fs::read_dir(seeds.join(target)).unwrap();
        files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    let packets = files("mqtt_decode");
    assert_eq!(packets.len(), SEEDS.len());
    for file in packets {
        let bytes = fs::read(&file).unwrap();
        let read = VERSIONS
            .iter()
            .any(|version| decode(*version, &bytes).is_ok());
        assert!(read, "{}", file.display());
    }
    for file in files("mqtt_topics") {
        let text = fs::read_to_string(&file).unwrap();
        let (filter, topic) = text.split_once('\n').unwrap();
        let matches = TopicFilter::parse(filter).is_ok() && TopicName::parse(topic).is_ok();
        assert!(matches, "{}", file.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..64)) {
        check(&bytes)?;
        for version in VERSIONS {
            let _ = decode(version, &bytes);
        }
    }

    #[test]
    fn packets_with_mistakes(
        seed in proptest::sample::select(&SEEDS),
        edits in vec((any::<u16>(), any::<u8>(), 0..4u8), 0..5),
        repaired in any::<bool>(),
    ) {
        let mut bytes = seed.to_vec();
        for (at, byte, kind) in edits {
            let at = usize::from(at) % bytes.len().max(1);
            match kind {
                0 => bytes.insert(at, byte),
                1 if !bytes.is_empty() => { bytes.remove(at); }
                2 => bytes.truncate(at),
                _ => if let Some(old) = bytes.get_mut(at) { *old = byte },
            }
        }
        if repaired {
            repair(&mut bytes);
        }
        check(&bytes)?;
    }
}
