//! Bytes that are no use: packets broken in every way, and packets that are announced and never sent. They cost no memory, and
//! nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use e2e::{DEADLINE, Role, Shape, resident_kib};
use rumqttc::v5::mqttbytes::QoS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Client, options};
use crate::crash::{connect_mqtt, endpoint};
use crate::stage::Stage;

/// How many connections break off with a broken packet.
const BROKEN: u64 = if cfg!(feature = "long") {
    100_000
} else {
    2_000
};
/// After how many of them the memory is looked at for the first time.
const WARM: u64 = BROKEN / 4;
/// How many of them there are at once.
const AT_ONCE: u64 = 16;
/// How much memory may come and go by itself, in KiB.
const LEEWAY: u64 = 16 * 1024;

/// How many packets are announced, and how large each would be: nearly as large as a packet may be.
const ANNOUNCED: u64 = 200;
const LARGE: u32 = 1_000_000;

/// The topic that the packets below name, relative to no channel of anybody.
const PACKETS: [&[u8]; 8] = [
    // PUBLISH of each quality of service.
    b"\x30\x05\0\x03a/b",
    b"\x32\x08\0\x03a/b\0\x01x",
    b"\x34\x08\0\x03a/b\0\x02x",
    b"\x62\x02\0\x02",
    b"\x82\x08\0\x03\0\x03a/#\x01",
    b"\xa2\x07\0\x04\0\x03a/#",
    b"\xc0\0",
    b"\xe0\0",
];

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end
    }
}

/// A CONNECT of either version and some packets, with up to four bytes changed, lost or too many.
fn broken(number: u64, user: &str, key: &str) -> Vec<u8> {
    let mut numbers = Numbers(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let text = |text: &str| {
        let [high, low] = (text.len() as u16).to_be_bytes();
        [&[high, low], text.as_bytes()].concat()
    };
    let version = 4 + u8::try_from(number % 2).unwrap_or_default();
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    let client = format!("broken{}", number % AT_ONCE);
    let mut connect = text("MQTT");
    connect.extend([version, 0xc6, 0, 60]);
    connect.extend(properties);
    connect.extend(text(&client));
    connect.extend(properties);
    connect.extend([text("a/will"), text("gone"), text(user), text(key)].concat());
    let mut bytes = vec![0x10, u8::try_from(connect.len()).unwrap_or_default()];
    bytes.extend(connect);
    for _ in 0..numbers.below(4) {
        bytes.extend(PACKETS[numbers.below(PACKETS.len())]);
    }
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(3) {
            0 => bytes[at] = u8::try_from(numbers.below(256)).unwrap_or_default(),
            1 => bytes.truncate(at.max(2)),
            _ => bytes.insert(at, 0xff),
        }
    }
    bytes
}

/// Sends bytes and no more, and waits for the server to close.
async fn throw(at: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(bytes).await?;
    // Where nothing was broken enough, this is the end. Whether it is a reset is no matter.
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let closed = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    closed.context("still open").map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_packets_by_the_thousand_cost_no_memory_and_disturb_nobody() -> anyhow::Result<()> {
    let stage = Stage::set(Shape::Embedded).await?;
    let at = stage.platform.address("mqtt")?;
    let pid = stage.platform.pid(Role::All).context("it runs")?;
    let topic = stage.topic("/good");
    let mut good = Client::connect(options(&at, &stage.thing, "good")?).await?;
    good.subscribe(&topic, QoS::AtLeastOnce).await?;
    let next = Arc::new(AtomicU64::new(0));
    let mut throwers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (at, thing, next) = (at.clone(), stage.thing.clone(), next.clone());
        throwers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= BROKEN {
                    return anyhow::Ok(());
                }
                let bytes = broken(number, &thing.id, &thing.key);
                let thrown = throw(&at, &bytes).await;
                thrown.with_context(|| format!("{number}: {bytes:x?}"))?;
            }
        });
    }
    let mut before = None;
    loop {
        if before.is_none() && next.load(Ordering::Relaxed) > WARM {
            before = Some(resident_kib(pid)?);
        }
        ensure!(good.publish(&topic, "good").await?);
        ensure!(good.text().await? == "good");
        match throwers.try_join_next() {
            Some(thrown) => thrown??,
            None if throwers.is_empty() => break,
            None => {}
        }
    }
    let (before, after) = (before.context("too few")?, resident_kib(pid)?);
    ensure!(
        after < before + before / 5 + LEEWAY,
        "{before} KiB became {after}"
    );
    ensure!(!stage.platform.log().contains("panicked"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_and_never_sent_takes_no_memory() -> anyhow::Result<()> {
    let limit = [("MF_MQTT_ADAPTER_MAX_SESSIONS_PER_THING", "10000")];
    let stage = Stage::set_with(Shape::Embedded, &limit).await?;
    let at = stage.platform.address("mqtt")?;
    let http = stage.platform.address("http-adapter")?;
    let pid = stage.platform.pid(Role::All).context("it runs")?;
    let topic = stage.topic("/large");
    let mut header = vec![0x30];
    // Three bytes hold it: seven bits each, the least significant first.
    header.extend([0, 7, 14].map(|shift| (LARGE >> shift & 0x7f) as u8 | 0x80));
    header[3] &= 0x7f;
    header.extend([0, u8::try_from(topic.len())?]);
    header.extend(topic.as_bytes());
    let request = format!(
        "POST /channels/{}/messages HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {LARGE}\r\n\r\nx",
        stage.channel, stage.thing.key
    );
    let before = resident_kib(pid)?;
    let mut held = Vec::new();
    for number in 0..ANNOUNCED {
        let client = format!("announcing{number}");
        let mut stream = connect_mqtt(&endpoint(&at)?, &stage.thing, &client).await?;
        stream.write_all(&header).await?;
        held.push(stream);
        let mut stream = TcpStream::connect(&http).await?;
        stream.write_all(request.as_bytes()).await?;
        held.push(stream);
    }
    // Each thread of the server has come round by the time that all of these are answered.
    for number in 0..8 {
        let mut client = Client::connect(options(&at, &stage.thing, &format!("{number}"))?).await?;
        ensure!(client.publish(&stage.topic("/x"), "x").await?);
    }
    let took = resident_kib(pid)?.saturating_sub(before);
    let announced = 2 * ANNOUNCED * u64::from(LARGE) / 1024;
    ensure!(took < announced / 8, "{took} KiB for {announced} KiB");
    Ok(())
}
