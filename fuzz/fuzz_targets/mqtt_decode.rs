//! Bytes of a connection: framed, then read as packets of every version.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mqtt::{Incoming, Version, decode, frame, version};

const MAX_SIZE: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some(length)) = frame(rest, MAX_SIZE) {
        assert!(
            (2..=rest.len()).contains(&length),
            "a frame leaves the buffer"
        );
        let (whole, after) = rest.split_at(length);
        let _ = version(whole);
        for version in [Version::V31, Version::V311, Version::V5] {
            if let Ok(Incoming::Publish(publish)) = decode(version, whole) {
                assert!(publish.payload.len() < length);
                let _ = publish.properties.to_message();
            }
        }
        rest = after;
    }
    // Not a frame at all: the decoder must not trust its caller either.
    let _ = decode(Version::V5, bytes);
});
