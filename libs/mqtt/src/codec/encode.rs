use bytes::{BufMut, BytesMut};

use super::properties::id;
use super::varint;
use crate::packet::{Ack, ConnAck, Connect, Outgoing, PacketId, Reason, Version};

/// Writes packets the way one client can read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder {
    /// The version the client speaks.
    pub version: Version,
    /// The largest packet the client takes; reason strings are left out where they would exceed it.
    pub max_packet_size: u32,
    /// Whether the client wants reason strings in every packet (MQTT 5.0 section 3.1.2.11.7).
    pub problem_information: bool,
}

impl From<&Connect> for Encoder {
    /// Returns what the client of this CONNECT can read.
    fn from(connect: &Connect) -> Self {
        Self {
            version: connect.version,
            max_packet_size: connect.max_packet_size,
            problem_information: connect.request_problem_information,
        }
    }
}

impl Encoder {
    /// Appends a packet; nothing when the version has no such packet.
    pub fn encode(&self, packet: &Outgoing<'_>, out: &mut BytesMut) {
        match *packet {
            Outgoing::ConnAck(packet) => self.connack(packet, out),
            Outgoing::PubAck(packet) => self.ack(0x40, packet, out),
            Outgoing::PubRec(packet) => self.ack(0x50, packet, out),
            Outgoing::PubRel(packet) => self.ack(0x62, packet, out),
            Outgoing::PubComp(packet) => self.ack(0x70, packet, out),
            Outgoing::SubAck {
                packet_id,
                reasons,
                reason_string,
            } => self.suback(packet_id, reasons, reason_string, out),
            Outgoing::UnsubAck { packet_id, reasons } => self.unsuback(packet_id, reasons, out),
            Outgoing::PingResp => out.put_slice(&[0xd0, 0]),
            Outgoing::Disconnect {
                reason,
                reason_string,
            } => self.disconnect(reason, reason_string, out),
        }
    }

    fn is_v5(&self) -> bool {
        self.version == Version::V5
    }

    fn ack(&self, first: u8, Ack { packet_id, reason }: Ack, out: &mut BytesMut) {
        let [high, low] = packet_id.get().to_be_bytes();
        if self.is_v5() && reason != Reason::Success {
            out.put_slice(&[first, 3, high, low, reason.as_u8()]);
        } else {
            out.put_slice(&[first, 2, high, low]);
        }
    }

    fn connack(&self, packet: &ConnAck, out: &mut BytesMut) {
        let present = u8::from(packet.session_present && packet.reason == Reason::Success);
        match self.version {
            Version::V31 => out.put_slice(&[0x20, 2, 0, packet.reason.connack_v3()]),
            Version::V311 => out.put_slice(&[0x20, 2, present, packet.reason.connack_v3()]),
            Version::V5 => self.packet(
                0x20,
                &[present, packet.reason.as_u8()],
                connack_properties(packet),
                packet.reason_string.as_deref(),
                &[],
                out,
            ),
        }
    }

    fn suback(
        &self,
        packet_id: PacketId,
        reasons: &[Reason],
        why: Option<&str>,
        out: &mut BytesMut,
    ) {
        let head = packet_id.get().to_be_bytes();
        if self.is_v5() {
            let codes: Vec<u8> = reasons.iter().map(|reason| reason.as_u8()).collect();
            let why = why.filter(|_| self.problem_information);
            self.packet(0x90, &head, Vec::new(), why, &codes, out);
        } else {
            out.put_u8(0x90);
            varint::write(head.len() + reasons.len(), out);
            out.put_slice(&head);
            out.extend(reasons.iter().map(|reason| reason.suback_v3()));
        }
    }

    fn unsuback(&self, packet_id: PacketId, reasons: &[Reason], out: &mut BytesMut) {
        let head = packet_id.get().to_be_bytes();
        if self.is_v5() {
            let codes: Vec<u8> = reasons.iter().map(|reason| reason.as_u8()).collect();
            self.packet(0xb0, &head, Vec::new(), None, &codes, out);
        } else {
            out.put_slice(&[0xb0, 2]);
            out.put_slice(&head);
        }
    }

    fn disconnect(&self, reason: Reason, why: Option<&str>, out: &mut BytesMut) {
        if self.is_v5() {
            self.packet(0xe0, &[reason.as_u8()], Vec::new(), why, &[], out);
        }
    }

    /// Appends an MQTT 5 packet of these parts, with the reason string when it fits.
    fn packet(
        &self,
        first: u8,
        head: &[u8],
        mut properties: Vec<u8>,
        reason_string: Option<&str>,
        tail: &[u8],
        out: &mut BytesMut,
    ) {
        let size = |properties: usize| {
            let remaining = head.len() + varint::size(properties) + properties + tail.len();
            (remaining, 1 + varint::size(remaining) + remaining)
        };
        if let Some(text) = reason_string {
            let (_, total) = size(properties.len() + 3 + text.len());
            if total <= self.max_packet_size as usize {
                put_text(id::REASON_STRING, text, &mut properties);
            }
        }
        out.put_u8(first);
        varint::write(size(properties.len()).0, out);
        out.put_slice(head);
        varint::write(properties.len(), out);
        out.put_slice(&properties);
        out.put_slice(tail);
    }
}

fn connack_properties(packet: &ConnAck) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(seconds) = packet.session_expiry {
        out.put_u8(id::SESSION_EXPIRY);
        out.put_u32(seconds);
    }
    if let Some(count) = packet.receive_maximum {
        out.put_u8(id::RECEIVE_MAXIMUM);
        out.put_u16(count);
    }
    if let Some(qos) = packet.maximum_qos {
        out.put_slice(&[id::MAXIMUM_QOS, qos.as_u8()]);
    }
    if !packet.retain_available {
        out.put_slice(&[id::RETAIN_AVAILABLE, 0]);
    }
    if let Some(bytes) = packet.max_packet_size {
        out.put_u8(id::MAX_PACKET_SIZE);
        out.put_u32(bytes);
    }
    if let Some(text) = &packet.assigned_client_id {
        put_text(id::ASSIGNED_CLIENT_ID, text, &mut out);
    }
    if let Some(count) = packet.topic_alias_maximum {
        out.put_u8(id::TOPIC_ALIAS_MAXIMUM);
        out.put_u16(count);
    }
    if !packet.shared_subscriptions_available {
        out.put_slice(&[id::SHARED_AVAILABLE, 0]);
    }
    if let Some(seconds) = packet.server_keep_alive {
        out.put_u8(id::SERVER_KEEP_ALIVE);
        out.put_u16(seconds);
    }
    out
}

/// Appends a text property; nothing when the text is longer than MQTT can carry.
pub(crate) fn put_text(id: u8, text: &str, out: &mut impl BufMut) {
    put_binary(id, text.as_bytes(), out);
}

/// Appends a binary property; nothing when it is longer than MQTT can carry.
pub(crate) fn put_binary(id: u8, bytes: &[u8], out: &mut impl BufMut) {
    if let Ok(length) = u16::try_from(bytes.len()) {
        out.put_u8(id);
        out.put_u16(length);
        out.put_slice(bytes);
    }
}
