use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(10);

const PINGREQ: &[u8] = b"\xc0\0";
const PINGRESP: &[u8] = b"\xd0\0";

/// A socket on which tests say exactly what they want, right or wrong.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    v5: bool,
}

/// What a client says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Hello<'a> {
    pub(crate) level: u8,
    pub(crate) client_id: &'a str,
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    pub(crate) properties: &'a [u8],
}

impl<'a> Hello<'a> {
    pub(crate) fn v4(client_id: &'a str) -> Self {
        Self {
            level: 4,
            client_id,
            clean: true,
            keep_alive: 60,
            properties: &[],
        }
    }

    pub(crate) fn v5(client_id: &'a str) -> Self {
        Self {
            level: 5,
            ..Self::v4(client_id)
        }
    }
}

/// A PUBLISH as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) first: u8,
    pub(crate) topic: String,
    pub(crate) id: u16,
    pub(crate) properties: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Client {
    /// Opens the socket and says nothing.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
            v5: false,
        }
    }

    /// Connects and returns the CONNACK too.
    pub(crate) async fn hello(address: SocketAddr, hello: Hello<'_>) -> (Self, Vec<u8>) {
        let mut client = Self {
            v5: hello.level == 5,
            ..Self::open(address).await
        };
        let flags = 0b1100_0000 | u8::from(hello.clean) << 1;
        let mut body = text("MQTT");
        body.extend([hello.level, flags]);
        body.extend(hello.keep_alive.to_be_bytes());
        body.extend(client.properties(hello.properties));
        for field in [hello.client_id, "user", "password"] {
            body.extend(text(field));
        }
        client.send(&packet(0x10, &body)).await;
        let answer = client.recv().await;
        (client, answer)
    }

    /// Sends a CONNECT made by [`connect`], and returns the answer or nothing when the connection is closed.
    pub(crate) async fn try_connect(
        address: SocketAddr,
        level: u8,
        packet: &[u8],
    ) -> (Self, Option<Vec<u8>>) {
        let mut client = Self {
            v5: level == 5,
            ..Self::open(address).await
        };
        client.send(packet).await;
        let answer = timeout(DEADLINE, client.read()).await;
        (client, answer.expect("neither answered nor closed"))
    }

    /// Connects.
    pub(crate) async fn connect(address: SocketAddr, hello: Hello<'_>) -> Self {
        let (client, answer) = Self::hello(address, hello).await;
        assert_eq!((answer[0], answer[3]), (0x20, 0), "{answer:x?}");
        client
    }

    fn properties(&self, properties: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if self.v5 {
            out.push(u8::try_from(properties.len()).unwrap());
            out.extend(properties);
        }
        out
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Waits for the next packet.
    pub(crate) async fn recv(&mut self) -> Vec<u8> {
        let frame = timeout(DEADLINE, self.read()).await.expect("nothing came");
        frame.expect("the connection was closed")
    }

    /// Reads a packet, or nothing at the end.
    async fn read(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Ok(Some(length)) = mqtt::frame(&self.buffer, usize::MAX) {
                let rest = self.buffer.split_off(length);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        let got = self.recv().await;
        assert_eq!(got, bytes, "{got:x?} instead of {bytes:x?}");
    }

    /// Tells whether something has come by now, without waiting.
    pub(crate) fn has_come(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        !self.buffer.is_empty() || SockRef::from(&self.stream).peek(&mut byte).is_ok()
    }

    /// Makes sure that nothing came before the answer to a ping.
    pub(crate) async fn expect_nothing(&mut self) {
        self.send(PINGREQ).await;
        self.expect(PINGRESP).await;
    }

    /// Waits until the server closes the connection, and returns the reason code it gave.
    pub(crate) async fn closed(&mut self) -> Option<u8> {
        let end = async {
            let mut reason = None;
            while let Some(frame) = self.read().await {
                assert_eq!(frame[0], 0xe0, "{frame:x?}");
                reason = frame.get(2).copied();
            }
            reason
        };
        timeout(DEADLINE, end)
            .await
            .expect("the connection stays open")
    }

    /// Publishes, and waits for the acknowledgement that the QoS wants.
    pub(crate) async fn publish(&mut self, flags: u8, topic: &str, id: u16, payload: &[u8]) {
        let packet = self.publish_packet(flags, topic, id, &[], payload);
        self.send(&packet).await;
        let [high, low] = id.to_be_bytes();
        match flags >> 1 & 3 {
            0 => {}
            1 => self.expect(&[0x40, 2, high, low]).await,
            _ => self.expect(&[0x50, 2, high, low]).await,
        }
    }

    pub(crate) fn publish_packet(
        &self,
        flags: u8,
        topic: &str,
        id: u16,
        properties: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut body = text(topic);
        if flags & 0b110 != 0 {
            body.extend(id.to_be_bytes());
        }
        body.extend(self.properties(properties));
        body.extend(payload);
        packet(0x30 | flags, &body)
    }

    /// Sends PUBREL and waits for PUBCOMP.
    pub(crate) async fn release(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x62, 2, high, low]).await;
        self.expect(&[0x70, 2, high, low]).await;
    }

    pub(crate) async fn puback(&mut self, id: u16) {
        let [high, low] = id.to_be_bytes();
        self.send(&[0x40, 2, high, low]).await;
    }

    /// Subscribes, and returns the return code.
    pub(crate) async fn subscribe(&mut self, filter: &str, options: u8) -> u8 {
        self.subscribe_with(filter, options, &[]).await
    }

    pub(crate) async fn subscribe_with(
        &mut self,
        filter: &str,
        options: u8,
        properties: &[u8],
    ) -> u8 {
        let mut body = vec![0, 9];
        body.extend(self.properties(properties));
        body.extend(text(filter));
        body.push(options);
        self.send(&packet(0x82, &body)).await;
        let answer = self.recv().await;
        assert_eq!(
            (answer[0], &answer[2..4]),
            (0x90, &[0, 9][..]),
            "{answer:x?}"
        );
        answer[answer.len() - 1]
    }

    /// Unsubscribes, and waits for the one answer; returns its reason codes.
    pub(crate) async fn unsubscribe(&mut self, filters: &[&str]) -> Vec<u8> {
        let mut body = vec![0, 8];
        body.extend(self.properties(&[]));
        for filter in filters {
            body.extend(text(filter));
        }
        self.send(&packet(0xa2, &body)).await;
        let answer = self.recv().await;
        assert_eq!(
            (answer[0], &answer[2..4]),
            (0xb0, &[0, 8][..]),
            "{answer:x?}"
        );
        assert!(self.v5 || answer.len() == 4);
        answer.get(5..).unwrap_or_default().to_vec()
    }

    /// Waits for a PUBLISH.
    pub(crate) async fn message(&mut self) -> Got {
        let frame = self.recv().await;
        assert_eq!(frame[0] & 0xf0, 0x30, "{frame:x?}");
        let header = 1
            + frame[1..]
                .iter()
                .take_while(|byte| **byte & 0x80 != 0)
                .count()
            + 1;
        let mut rest = &frame[header..];
        let mut take = |count: usize| {
            let (taken, after) = rest.split_at(count);
            rest = after;
            taken.to_vec()
        };
        let length = take(2);
        let topic = take(usize::from(u16::from_be_bytes([length[0], length[1]])));
        let id = if frame[0] & 0b110 == 0 {
            vec![0, 0]
        } else {
            take(2)
        };
        let properties = if self.v5 {
            let length = usize::from(take(1)[0]);
            take(length)
        } else {
            Vec::new()
        };
        Got {
            first: frame[0],
            topic: String::from_utf8(topic).unwrap(),
            id: u16::from_be_bytes([id[0], id[1]]),
            properties,
            payload: rest.to_vec(),
        }
    }
}

/// Makes a CONNECT of its flags, its properties and the fields of its payload.
pub(crate) fn connect(level: u8, flags: u8, properties: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([level, flags, 0, 60]);
    if level == 5 {
        body.push(u8::try_from(properties.len()).unwrap());
        body.extend(properties);
    }
    for field in fields {
        body.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        body.extend(*field);
    }
    packet(0x10, &body)
}

/// Makes a packet of its body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    loop {
        let byte = u8::try_from(length & 0x7f).unwrap();
        length >>= 7;
        out.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    out.extend(body);
    out
}

/// Makes a text field.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut out = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    out.extend(text.as_bytes());
    out
}
