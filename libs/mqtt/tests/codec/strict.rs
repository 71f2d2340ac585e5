//! What the specification forbids is refused, each with its reason code.

use mqtt::{Incoming, Reason, Version, decode};

/// Puts the fixed header before a body.
fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, u8::try_from(body.len()).unwrap()];
    assert!(body.len() < 128);
    frame.extend_from_slice(body);
    frame
}

fn refused(version: Version, first: u8, body: &[u8]) -> Reason {
    decode(version, &frame(first, body))
        .expect_err("accepted")
        .reason
}

fn accepted(version: Version, first: u8, body: &[u8]) {
    decode(version, &frame(first, body)).unwrap();
}

use Reason::{MalformedPacket as Malformed, ProtocolError as Protocol};
use Version::{V5, V31, V311};

#[test]
fn reserved_flags() {
    for (first, body) in [
        (0x11, &b"\0\x04MQTT\x04\x02\0\0\0\x01a"[..]),
        (0x41, b"\0\x01"),
        (0x60, b"\0\x01"),
        (0x80, b"\0\x01\0\x01a\0"),
        (0xa0, b"\0\x01\0\x01a"),
        (0xc1, b""),
        (0xe2, b""),
    ] {
        assert_eq!(refused(V311, first, body), Malformed, "{first:#x}");
    }
}

#[test]
fn packets_of_servers_and_of_nobody() {
    for first in [0x00, 0x20, 0x90, 0xb0, 0xd0] {
        assert_eq!(refused(V5, first, &[0, 0, 0]), Protocol, "{first:#x}");
    }
    assert_eq!(refused(V311, 0xf0, &[0]), Protocol);
}

#[test]
fn bodies_that_are_too_long_or_too_short() {
    assert_eq!(refused(V311, 0xc0, b"x"), Malformed);
    assert_eq!(refused(V311, 0xe0, b"\0"), Malformed);
    assert_eq!(refused(V311, 0x40, b"\0\x01\0"), Malformed);
    assert_eq!(refused(V311, 0x40, b"\0"), Malformed);
    assert_eq!(refused(V5, 0x40, b"\0\x01\0\0\0"), Malformed);
    assert_eq!(
        refused(V311, 0x10, b"\0\x04MQTT\x04\x02\0\0\0\x01a!"),
        Malformed
    );
    assert_eq!(refused(V311, 0x30, b"\0\x05abc"), Malformed);
    assert_eq!(refused(V311, 0x82, b"\0\x01\0\x01a"), Malformed);
    assert!(decode(V311, &[0xc0]).is_err());
    assert!(decode(V311, &[0xc0, 0, 0]).is_err());
    assert!(decode(V311, &[]).is_err());
}

#[test]
fn packet_id_zero() {
    for (first, body) in [
        (0x32, &b"\0\x01a\0\0"[..]),
        (0x40, b"\0\0"),
        (0x62, b"\0\0"),
        (0x82, b"\0\0\0\x01a\0"),
        (0xa2, b"\0\0\0\x01a"),
    ] {
        assert_eq!(refused(V311, first, body), Malformed, "{first:#x}");
    }
}

#[test]
fn publish_flags_and_topics() {
    assert_eq!(refused(V311, 0x36, b"\0\x01a\0\x01"), Malformed);
    assert_eq!(refused(V311, 0x38, b"\0\x01a"), Malformed);
    assert_eq!(refused(V311, 0x30, b"\0\x01+"), Reason::TopicNameInvalid);
    assert_eq!(refused(V311, 0x30, b"\0\x03a/#"), Reason::TopicNameInvalid);
    assert_eq!(refused(V311, 0x30, b"\0\x01\0"), Malformed);
    assert_eq!(refused(V311, 0x30, b"\0\x02\xc3\x28"), Malformed);
    assert_eq!(refused(V311, 0x30, b"\0\x03\xed\xa0\x80"), Malformed);
    assert_eq!(refused(V311, 0x30, b"\0\0"), Protocol);
    assert_eq!(refused(V5, 0x30, b"\0\0\0"), Protocol);
    accepted(V5, 0x30, b"\0\0\x03\x23\0\x01");
    assert_eq!(
        refused(V5, 0x30, b"\0\x01a\x03\x23\0\0"),
        Reason::TopicAliasInvalid
    );
}

#[test]
fn properties_of_publish() {
    let publish = |properties: &[u8]| {
        let mut body = b"\0\x01a".to_vec();
        body.push(u8::try_from(properties.len()).unwrap());
        body.extend_from_slice(properties);
        decode(V5, &frame(0x30, &body))
            .err()
            .map(|error| error.reason)
    };
    assert_eq!(publish(b"\x01\x01\x02\0\0\0\0"), None);
    assert_eq!(publish(b"\x01\x01\x01\x01"), Some(Protocol));
    assert_eq!(publish(b"\x01\x02"), Some(Protocol));
    assert_eq!(publish(b"\x0b\x01"), Some(Malformed));
    assert_eq!(publish(b"\x11\0\0\0\0"), Some(Malformed));
    assert_eq!(publish(b"\x7f"), Some(Malformed));
    assert_eq!(publish(b"\xff\x01"), Some(Malformed));
    assert_eq!(publish(b"\x02\0\0"), Some(Malformed));
    assert_eq!(publish(b"\x08\0\x01#"), Some(Protocol));
    assert_eq!(publish(b"\x08\0\x01\xff"), Some(Malformed));
    assert_eq!(publish(b"\x03\0\x01\xff"), Some(Malformed));
    assert_eq!(publish(b"\x26\0\x01a\0\x01b\x26\0\x01a\0\x01b"), None);
    assert_eq!(refused(V5, 0x30, b"\0\x01a\x05\x01"), Malformed);
}

#[test]
fn subscribe_options() {
    for byte in [0b0000_0011, 0b0000_0100, 0b1000_0000] {
        assert_eq!(refused(V311, 0x82, &[0, 1, 0, 1, b'a', byte]), Malformed);
    }
    for (byte, reason) in [
        (0b11, Malformed),
        (0b0100_0000, Malformed),
        (0b0011_0000, Protocol),
    ] {
        assert_eq!(refused(V5, 0x82, &[0, 1, 0, 0, 1, b'a', byte]), reason);
    }
    accepted(V5, 0x82, &[0, 1, 0, 0, 1, b'a', 0b0010_1110]);
    assert_eq!(refused(V5, 0x82, b"\0\x01\0\0\x09$share/ab\x04"), Protocol);
    assert_eq!(refused(V5, 0x82, b"\0\x01\x02\x0b\0\0\x01a\0"), Protocol);
    assert_eq!(refused(V311, 0x82, b"\0\x01\0\x01\xff\0"), Malformed);
    assert_eq!(refused(V311, 0xa2, b"\0\x01\0\x01\xff"), Malformed);
    assert_eq!(refused(V311, 0x82, b"\0\x01"), Protocol);
    assert_eq!(refused(V311, 0xa2, b"\0\x01"), Protocol);
    assert_eq!(refused(V311, 0x82, b"\0\x01\0\0\0"), Malformed);
    assert_eq!(refused(V311, 0xa2, b"\0\x01\0\0"), Malformed);
}

#[test]
fn connect_flags_and_client_ids() {
    let connect = |level: u8, flags: u8, rest: &[u8]| {
        let mut body = if level == 3 {
            b"\0\x06MQIsdp".to_vec()
        } else {
            b"\0\x04MQTT".to_vec()
        };
        body.extend_from_slice(&[level, flags, 0, 0]);
        body.extend_from_slice(rest);
        decode(V5, &frame(0x10, &body))
            .err()
            .map(|error| error.reason)
    };
    assert_eq!(connect(4, 0x02, b"\0\x01a"), None);
    assert_eq!(connect(4, 0x03, b"\0\x01a"), Some(Malformed));
    assert_eq!(connect(4, 0x22, b"\0\x01a"), Some(Malformed));
    assert_eq!(connect(4, 0x0a, b"\0\x01a"), Some(Malformed));
    assert_eq!(connect(4, 0x1e, b"\0\x01a\0\x01t\0\0"), Some(Malformed));
    assert_eq!(connect(4, 0x42, b"\0\x01a\0\x01p"), Some(Malformed));
    assert_eq!(connect(5, 0x42, b"\0\0\x01a\0\x01p"), None);
    assert_eq!(
        connect(4, 0x06, b"\0\x01a\0\x01#\0\0"),
        Some(Reason::TopicNameInvalid)
    );
    assert_eq!(
        connect(4, 0x06, b"\0\x01a\0\0\0\0"),
        Some(Reason::TopicNameInvalid)
    );
    assert_eq!(connect(3, 0x02, b"\0\0"), Some(Reason::ClientIdNotValid));
    assert_eq!(connect(4, 0x00, b"\0\0"), Some(Reason::ClientIdNotValid));
    assert_eq!(connect(4, 0x02, b"\0\0"), None);
    assert_eq!(connect(5, 0x00, b"\0\0\0"), None);
    assert_eq!(connect(5, 0x02, b"\x03\x21\0\0\0\0"), Some(Protocol));
    assert_eq!(connect(5, 0x02, b"\x05\x27\0\0\0\0\0\0"), Some(Protocol));
    assert_eq!(connect(5, 0x02, b"\x03\x16\0\0\0\0"), Some(Protocol));
    assert_eq!(
        connect(6, 0x02, b"\0\0"),
        Some(Reason::UnsupportedProtocolVersion)
    );
}

#[test]
fn reason_codes() {
    assert_eq!(refused(V5, 0x40, b"\0\x01\x92"), Protocol);
    assert_eq!(refused(V5, 0x62, b"\0\x01\x10"), Protocol);
    accepted(V5, 0x62, b"\0\x01\x92");
    assert_eq!(refused(V5, 0xe0, b"\x8e"), Protocol);
    assert_eq!(refused(V5, 0xe0, b"\x03"), Protocol);
    assert_eq!(refused(V5, 0xf0, b"\0\0"), Protocol);
    assert_eq!(refused(V5, 0xf0, b""), Malformed);
}

#[test]
fn a_will_of_a_client_that_leaves_with_it() {
    let Ok(Incoming::Disconnect(packet)) = decode(V5, &frame(0xe0, b"\x04")) else {
        panic!("not read");
    };
    assert_eq!(packet.reason, Reason::DisconnectWithWill);
}

#[test]
fn counts_are_bounded() {
    let mut many = vec![0, 1];
    many.extend(b"\0\x01a\0".repeat(1025));
    let mut packet = vec![0x82];
    let length = u16::try_from(many.len()).unwrap();
    packet.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
    packet.push(u8::try_from(length >> 7).unwrap());
    packet.extend(many);
    assert_eq!(
        decode(V31, &packet).unwrap_err().reason,
        Reason::QuotaExceeded
    );

    let properties = b"\x26\0\0\0\0".repeat(257);
    let mut body = b"\0\x01a".to_vec();
    let length = u16::try_from(properties.len()).unwrap();
    body.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
    body.push(u8::try_from(length >> 7).unwrap());
    body.extend(properties);
    let mut packet = vec![0x30];
    let length = u16::try_from(body.len()).unwrap();
    packet.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
    packet.push(u8::try_from(length >> 7).unwrap());
    packet.extend(body);
    assert_eq!(
        decode(V5, &packet).unwrap_err().reason,
        Reason::QuotaExceeded
    );
}
