use super::error::{DecodeError, Result};
use super::read::Reader;
use super::varint;
use crate::packet::{Reason, Version};

/// Returns how long the packet at the start of `buf` is, once all of it is there.
///
/// A packet is refused as soon as its header says that it is longer than `max_size` bytes, header included.
///
/// # Errors
/// When the remaining length is malformed or the packet is too large.
pub fn frame(buf: &[u8], max_size: usize) -> Result<Option<usize>> {
    let Some((_, after)) = buf.split_first() else {
        return Ok(None);
    };
    let Some((remaining, size)) = varint::read(after)? else {
        return Ok(None);
    };
    let length = 1 + size + remaining;
    if length > max_size {
        return Err(DecodeError::new(
            Reason::PacketTooLarge,
            "a packet is larger than the server takes",
        ));
    }
    Ok((length <= buf.len()).then_some(length))
}

/// Splits a whole frame into its first byte and its body.
pub(crate) fn split(frame: &[u8]) -> Result<(u8, &[u8])> {
    let mut reader = Reader::new(frame);
    let first = reader.u8()?;
    let remaining = reader.varint()?;
    let body = reader.take(remaining)?;
    reader.finish()?;
    Ok((first, body))
}

/// Reads the protocol version from the first packet of a connection, a whole frame.
///
/// # Errors
/// When it is no CONNECT; with [`Reason::UnsupportedProtocolVersion`] when it is one of a version not spoken here.
pub fn version(frame: &[u8]) -> Result<Version> {
    let (first, body) = split(frame)?;
    if first != 0x10 {
        return Err(DecodeError::protocol("the first packet is not a CONNECT"));
    }
    read_version(&mut Reader::new(body))
}

/// Reads the protocol name and level.
pub(crate) fn read_version(reader: &mut Reader<'_>) -> Result<Version> {
    let name = reader.binary()?;
    let level = reader.u8()?;
    match (name, level) {
        (b"MQIsdp", 3) => Ok(Version::V31),
        (b"MQTT", 4) => Ok(Version::V311),
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT" | b"MQIsdp", _) => Err(DecodeError::new(
            Reason::UnsupportedProtocolVersion,
            "the protocol version is not spoken here",
        )),
        _ => Err(DecodeError::protocol("the protocol name is not MQTT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_complete_or_awaited() {
        assert_eq!(frame(&[], 100), Ok(None));
        assert_eq!(frame(&[0x30], 100), Ok(None));
        assert_eq!(frame(&[0x30, 3, 0, 1], 100), Ok(None));
        assert_eq!(frame(&[0x30, 3, 0, 1, b'a', 0xc0, 0], 100), Ok(Some(5)));
        assert_eq!(frame(&[0x30, 0x83], 100), Ok(None));
    }

    #[test]
    fn a_large_packet_is_refused_by_its_header() {
        let error = frame(&[0x30, 0xff, 0xff, 0xff, 0x7f], 1024).unwrap_err();
        assert_eq!(error.reason, Reason::PacketTooLarge);
        assert_eq!(frame(&[0x30, 98], 100), Ok(None));
        assert!(frame(&[0x30, 99], 100).is_err());
    }

    #[test]
    fn the_version_is_that_of_the_connect() {
        let connect = |name: &[u8], level| {
            let mut body = vec![0, u8::try_from(name.len()).unwrap()];
            body.extend_from_slice(name);
            body.push(level);
            let mut frame = vec![0x10, u8::try_from(body.len()).unwrap()];
            frame.extend(body);
            version(&frame).map_err(|error| error.reason)
        };
        assert_eq!(connect(b"MQIsdp", 3), Ok(Version::V31));
        assert_eq!(connect(b"MQTT", 4), Ok(Version::V311));
        assert_eq!(connect(b"MQTT", 5), Ok(Version::V5));
        assert_eq!(connect(b"MQTT", 6), Err(Reason::UnsupportedProtocolVersion));
        assert_eq!(
            connect(b"MQIsdp", 4),
            Err(Reason::UnsupportedProtocolVersion)
        );
        assert_eq!(connect(b"AMQP", 4), Err(Reason::ProtocolError));
        assert_eq!(
            version(&[0xc0, 0]).unwrap_err().reason,
            Reason::ProtocolError
        );
    }
}
