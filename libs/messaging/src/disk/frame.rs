//! How a record lies in a file: `len | crc32c | seq | record bytes`, numbers little endian.
//!
//! The checksum begins with the salt of the file, so that bytes a device sent never pass for a frame.

use crc32c::{crc32c, crc32c_append};

use crate::Record;

/// How many bytes come before those of the record.
pub(crate) const HEADER: usize = 16;
/// The longest encoded record that is kept.
pub(crate) const MAX_RECORD: usize = 16 << 20;

/// What is at some place in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// A frame that is whole and undamaged.
    Frame { seq: u64, body: &'a [u8] },
    /// The beginning of what may be a frame of this many bytes.
    Partial(usize),
    /// No frame.
    Bad,
}

/// Encodes a record behind the room for its header.
pub(crate) fn unsealed<T: Record>(record: &T) -> Vec<u8> {
    let mut frame = vec![0; HEADER];
    record.encode(&mut frame);
    frame
}

/// Appends bytes as a frame.
pub(crate) fn append(out: &mut Vec<u8>, salt: u32, seq: u64, body: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    out.extend_from_slice(body);
    seal(&mut out[start..], salt, seq);
}

/// Fills in the header of a frame; its record is at most [`MAX_RECORD`] bytes.
pub(crate) fn seal(frame: &mut [u8], salt: u32, seq: u64) {
    let len = u32::try_from(frame.len() - HEADER)
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    let checksum = checksum(salt, len, seq, &frame[HEADER..]);
    frame[..4].copy_from_slice(&len);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
    frame[8..HEADER].copy_from_slice(&seq.to_le_bytes());
}

/// Reads what the bytes begin with.
pub(crate) fn parse(bytes: &[u8], salt: u32) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Parsed::Partial(HEADER);
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3, seq @ ..] = *header;
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let seq = u64::from_le_bytes(seq);
    if len > MAX_RECORD {
        return Parsed::Bad;
    }
    let Some(body) = rest.get(..len) else {
        return Parsed::Partial(HEADER + len);
    };
    if checksum(salt, [l0, l1, l2, l3], seq, body) == u32::from_le_bytes([c0, c1, c2, c3]) {
        Parsed::Frame { seq, body }
    } else {
        Parsed::Bad
    }
}

fn checksum(salt: u32, len: [u8; 4], seq: u64, body: &[u8]) -> u32 {
    let mut head = [0; 16];
    head[..4].copy_from_slice(&salt.to_le_bytes());
    head[4..8].copy_from_slice(&len);
    head[8..].copy_from_slice(&seq.to_le_bytes());
    crc32c_append(crc32c(&head), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_back_under_its_salt_only() {
        let mut bytes = Vec::new();
        append(&mut bytes, 7, 42, b"hello");
        let frame = Parsed::Frame {
            seq: 42,
            body: b"hello",
        };
        assert_eq!(parse(&bytes, 7), frame);
        assert_eq!(parse(&bytes, 8), Parsed::Bad);
        for len in HEADER..bytes.len() {
            assert_eq!(parse(&bytes[..len], 7), Parsed::Partial(bytes.len()));
        }
    }

    #[test]
    fn no_byte_can_change_unnoticed() {
        let mut good = Vec::new();
        append(&mut good, 7, 42, b"hello");
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 0x10;
            assert!(
                !matches!(parse(&bytes, 7), Parsed::Frame { .. }),
                "byte {place}"
            );
        }
    }
}
