use bytes::BufMut;

use super::error::{DecodeError, Result};

/// The greatest number a Variable Byte Integer holds (MQTT 5.0 section 1.5.5).
pub(crate) const MAX: usize = 268_435_455;

/// Reads a Variable Byte Integer and how many bytes it takes; nothing when more bytes must come first.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            if at > 0 && *byte == 0 {
                return Err(DecodeError::malformed(
                    "a length is encoded in more bytes than it needs",
                ));
            }
            return Ok(Some((value, at + 1)));
        }
    }
    if bytes.len() >= 4 {
        return Err(DecodeError::malformed(
            "a length takes more than four bytes",
        ));
    }
    Ok(None)
}

/// Returns how many bytes a number takes.
pub(crate) const fn size(value: usize) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x001f_ffff => 3,
        _ => 4,
    }
}

/// Appends a number not greater than [`MAX`].
pub(crate) fn write(mut value: usize, out: &mut impl BufMut) {
    debug_assert!(value <= MAX, "the callers bound what they encode");
    loop {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits fit")]
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.put_u8(byte);
            return;
        }
        out.put_u8(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_take_their_size() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, MAX] {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            assert_eq!(bytes.len(), size(value));
            assert_eq!(read(&bytes), Ok(Some((value, bytes.len()))));
            assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }

    #[test]
    fn long_encodings_are_refused() {
        assert!(read(&[0x80, 0x80, 0x80, 0x80, 0x01]).is_err());
        assert!(read(&[0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(read(&[0x80, 0x00]).is_err());
    }
}
