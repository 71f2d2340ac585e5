//! The first bytes of a file of frames: `magic | version | salt | crc32c`, twice, so that one damaged byte costs nothing.

use crc32c::crc32c;
use uuid::Uuid;

const MAGIC: [u8; 6] = *b"ffbus\0";
const VERSION: u16 = 1;
const COPY: usize = 16;

/// How many bytes the header takes.
pub(crate) const LENGTH: u64 = 2 * COPY as u64;

/// Why a header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The file ends within it: it was being made when the process ended.
    Torn,
    /// Both copies are damaged, or it never was such a file.
    Damaged,
    /// A later version of the program wrote it.
    Newer(u16),
}

/// Makes a salt that nobody can guess.
pub(crate) fn salt() -> u32 {
    Uuid::new_v4().as_fields().0
}

/// Makes the header of a file whose frames have this salt.
pub(crate) fn encode(salt: u32) -> Vec<u8> {
    let mut copy = Vec::with_capacity(COPY);
    copy.extend_from_slice(&MAGIC);
    copy.extend_from_slice(&VERSION.to_le_bytes());
    copy.extend_from_slice(&salt.to_le_bytes());
    copy.extend_from_slice(&crc32c(&copy).to_le_bytes());
    copy.repeat(2)
}

/// Reads the salt from the beginning of a file.
pub(crate) fn decode(bytes: &[u8]) -> Result<u32, Unusable> {
    if bytes.len() < 2 * COPY {
        return Err(Unusable::Torn);
    }
    let (version, salt) = bytes
        .chunks_exact(COPY)
        .take(2)
        .find_map(copy)
        .ok_or(Unusable::Damaged)?;
    if version > VERSION {
        return Err(Unusable::Newer(version));
    }
    Ok(salt)
}

fn copy(bytes: &[u8]) -> Option<(u16, u32)> {
    let [magic @ .., v0, v1, s0, s1, s2, s3, c0, c1, c2, c3] = *bytes.first_chunk::<COPY>()?;
    let good = magic == MAGIC && crc32c(&bytes[..COPY - 4]) == u32::from_le_bytes([c0, c1, c2, c3]);
    good.then_some((
        u16::from_le_bytes([v0, v1]),
        u32::from_le_bytes([s0, s1, s2, s3]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_one_byte_may_be_damaged() {
        let good = encode(7);
        assert_eq!(good.len() as u64, LENGTH);
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 0xff;
            assert_eq!(decode(&bytes), Ok(7), "byte {place}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        assert_eq!(decode(&encode(7)[..31]), Err(Unusable::Torn));
        assert_eq!(decode(&[0; 40]), Err(Unusable::Damaged));
        let mut newer = encode(7)[..COPY].to_vec();
        newer[6] = 2;
        let sum = crc32c(&newer[..COPY - 4]).to_le_bytes();
        newer[COPY - 4..].copy_from_slice(&sum);
        assert_eq!(decode(&newer.repeat(2)), Err(Unusable::Newer(2)));
    }
}
