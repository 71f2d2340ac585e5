//! MQTT sessions and messages across `kill -9` at any moment, under load, with subscribers that are away.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use e2e::{DEADLINE, Role, Shape};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::account::Thing;
use crate::both_shapes;
use crate::stage::Stage;

both_shapes!(kills_lose_no_session_and_no_message_and_double_none_of_qos_2);

/// How often the process with the MQTT adapter is killed.
const KILLS: u32 = if cfg!(feature = "long") { 30 } else { 2 };
/// How many sessions are away meanwhile.
const AWAY: usize = 5;
/// The load goes on for a little longer before each kill, so that they fall on different moments.
const LOAD: Duration = Duration::from_millis(400);
const SHIFT: Duration = Duration::from_millis(23);
/// How long nothing may come before a queue counts as empty.
const SILENCE: Duration = Duration::from_secs(5);

async fn kills_lose_no_session_and_no_message_and_double_none_of_qos_2(
    shape: Shape,
) -> anyhow::Result<()> {
    let mut stage = Stage::set(shape).await?;
    let at = stage.platform.address("mqtt")?;
    let topic = stage.topic("/kills");
    for number in 0..AWAY {
        let present = subscribe(&at, &stage.thing, &away(number), &topic).await?;
        ensure!(!present, "a new session is there already");
    }
    let thing = stage.thing.clone();
    let role = match shape {
        Shape::Embedded => Role::All,
        Shape::Separate => Role::MqttAdapter,
    };
    let acknowledged = under_load(&at, &thing, &topic, kill(&mut stage, role)).await?;
    arrived_at_all(&stage, AWAY, &acknowledged).await
}

/// Publishes while something is done, a and b with QoS 1, c and d with QoS 2; returns what was acknowledged.
pub(crate) async fn under_load(
    at: &str,
    thing: &Thing,
    topic: &str,
    done: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Vec<String>> {
    let stop = AtomicBool::new(false);
    let publish = |name, qos| Publisher::new(at, thing, topic, name, qos).run(&stop);
    let until_done = async {
        let result = done.await;
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (result, a, b, c, d) = tokio::join!(
        until_done,
        publish("a", QoS::AtLeastOnce),
        publish("b", QoS::AtLeastOnce),
        publish("c", QoS::ExactlyOnce),
        publish("d", QoS::ExactlyOnce),
    );
    result?;
    let acknowledged: Vec<String> = [a?, b?, c?, d?].concat();
    ensure!(
        acknowledged.len() > 100,
        "too little load: {}",
        acknowledged.len()
    );
    Ok(acknowledged)
}

/// Fails unless all sessions that were away get all that was acknowledged, and what was published by c and d, with QoS 2, once.
pub(crate) async fn arrived_at_all(
    stage: &Stage,
    sessions: usize,
    acknowledged: &[String],
) -> anyhow::Result<()> {
    let at = stage.platform.address("mqtt")?;
    for number in 0..sessions {
        let got = collect(&at, &stage.thing, &away(number), acknowledged).await?;
        let times = |message: &String| got.get(message).copied().unwrap_or_default();
        let lost: Vec<_> = acknowledged.iter().filter(|m| times(m) == 0).collect();
        ensure!(lost.is_empty(), "lost: {lost:?}\n{}", stage.platform.log());
        let twice: Vec<_> = got
            .iter()
            .filter(|(message, times)| message.starts_with(['c', 'd']) && **times > 1)
            .collect();
        ensure!(
            twice.is_empty(),
            "doubled: {twice:?}\n{}",
            stage.platform.log()
        );
    }
    Ok(())
}

async fn kill(stage: &mut Stage, role: Role) -> anyhow::Result<()> {
    for number in 0..KILLS {
        sleep(LOAD + number % 20 * SHIFT).await;
        stage.platform.kill(role).await?;
        stage.platform.restart(role).await?;
    }
    sleep(LOAD).await;
    Ok(())
}

/// Returns the client id of a session that is away.
pub(crate) fn away(number: usize) -> String {
    format!("away-{number}")
}

fn session(at: &str, thing: &Thing, client: &str) -> anyhow::Result<(AsyncClient, EventLoop)> {
    let (host, port) = at.rsplit_once(':').context("no port")?;
    let mut options = MqttOptions::new(client, host, port.parse()?);
    options
        .set_credentials(&thing.id, &thing.key)
        .set_clean_session(false)
        .set_keep_alive(Duration::from_secs(30));
    Ok(AsyncClient::new(options, 10))
}

/// Waits for the CONNACK, and tells whether the session was there.
async fn connected(events: &mut EventLoop) -> anyhow::Result<bool> {
    let connack = async {
        loop {
            if let Event::Incoming(Packet::ConnAck(connack)) = events.poll().await? {
                return anyhow::Ok(connack.session_present);
            }
        }
    };
    timeout(DEADLINE, connack).await.context("no CONNACK")?
}

/// Makes a session and leaves it, and tells whether it was there before.
pub(crate) async fn subscribe(
    at: &str,
    thing: &Thing,
    client: &str,
    topic: &str,
) -> anyhow::Result<bool> {
    let (client, mut events) = session(at, thing, client)?;
    let present = connected(&mut events).await?;
    client.subscribe(topic, QoS::ExactlyOnce).await?;
    let acknowledged = async {
        while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
        anyhow::Ok(())
    };
    timeout(DEADLINE, acknowledged)
        .await
        .context("no SUBACK")??;
    Ok(present)
}

/// Resumes a session, and counts what arrives until all has and then nothing more.
async fn collect(
    at: &str,
    thing: &Thing,
    client: &str,
    expected: &[String],
) -> anyhow::Result<HashMap<String, usize>> {
    let (_client, mut events) = session(at, thing, client)?;
    ensure!(
        connected(&mut events).await?,
        "the session {client} is lost"
    );
    let mut got = HashMap::new();
    let mut last = Instant::now();
    while last.elapsed() < SILENCE {
        let Ok(event) = timeout(Duration::from_millis(200), events.poll()).await else {
            if got.len() >= expected.len() {
                break;
            }
            continue;
        };
        if let Event::Incoming(Packet::Publish(publish)) = event? {
            let text = String::from_utf8(publish.payload.to_vec())?;
            *got.entry(text).or_default() += 1;
            last = Instant::now();
        }
    }
    Ok(got)
}

/// A persistent publisher of one message at a time, which goes on with it after a lost connection as MQTT has it.
struct Publisher<'a> {
    at: &'a str,
    thing: &'a Thing,
    topic: &'a str,
    name: &'static str,
    qos: QoS,
}

/// A message on its way.
struct Exchange {
    id: u16,
    payload: String,
    /// Whether the server must know the session.
    known: bool,
    /// Whether it was sent before.
    again: bool,
    /// Whether the server has it.
    received: bool,
}

const PUBACK: u8 = 0x40;
const PUBREC: u8 = 0x50;
const PUBREL: u8 = 0x62;
const PUBCOMP: u8 = 0x70;
const DUP: u8 = 0x08;

impl<'a> Publisher<'a> {
    fn new(at: &'a str, thing: &'a Thing, topic: &'a str, name: &'static str, qos: QoS) -> Self {
        Self {
            at,
            thing,
            topic,
            name,
            qos,
        }
    }

    /// Publishes until the stop, and returns what was acknowledged.
    async fn run(self, stop: &AtomicBool) -> anyhow::Result<Vec<String>> {
        let mut acknowledged = Vec::new();
        let mut stream = None;
        while !stop.load(Ordering::Relaxed) {
            let number = acknowledged.len() + 1;
            // Three identifiers, so that each is soon used again.
            let id = u16::try_from(number % 3 + 1)?;
            let mut exchange = Exchange {
                id,
                payload: format!("{}{number}", self.name),
                known: number > 1,
                again: false,
                received: false,
            };
            while let Err(error) = self.go_on(&mut stream, &mut exchange).await {
                exchange.again = true;
                stream = None;
                let received = exchange.received;
                if stop.load(Ordering::Relaxed) && !received {
                    return Ok(acknowledged);
                }
                ensure!(error.downcast_ref::<Lost>().is_none(), "{error}");
                sleep(Duration::from_millis(20)).await;
            }
            acknowledged.push(exchange.payload);
        }
        Ok(acknowledged)
    }

    /// Brings an exchange to its end, from wherever it is.
    async fn go_on(
        &self,
        stream: &mut Option<TcpStream>,
        exchange: &mut Exchange,
    ) -> anyhow::Result<()> {
        let id = exchange.id;
        if stream.is_none() {
            *stream = Some(self.connect(exchange.known).await?);
        }
        let stream = stream.as_mut().context("no connection")?;
        if !exchange.received {
            let dup = if exchange.again { DUP } else { 0 };
            let answer = if self.qos == QoS::AtLeastOnce {
                PUBACK
            } else {
                PUBREC
            };
            let first = 0x30 | dup | (self.qos as u8) << 1;
            stream
                .write_all(&self.publish(first, id, &exchange.payload)?)
                .await?;
            expect(stream, answer, id).await?;
            if answer == PUBACK {
                return Ok(());
            }
            exchange.received = true;
        }
        let [high, low] = id.to_be_bytes();
        stream.write_all(&[PUBREL, 2, high, low]).await?;
        expect(stream, PUBCOMP, id).await
    }

    async fn connect(&self, known: bool) -> anyhow::Result<TcpStream> {
        let mut body = b"\x00\x04MQTT\x04\xc0\x00\x3c".to_vec();
        for text in [self.name, &self.thing.id, &self.thing.key] {
            body.extend(u16::try_from(text.len())?.to_be_bytes());
            body.extend(text.as_bytes());
        }
        let mut stream = TcpStream::connect(self.at).await?;
        stream.set_nodelay(true)?;
        let packet = [&[0x10, u8::try_from(body.len())?][..], &body].concat();
        stream.write_all(&packet).await?;
        let mut connack = [0; 4];
        timeout(DEADLINE, stream.read_exact(&mut connack)).await??;
        match connack {
            [0x20, 2, 0, 0] if known => bail!(Lost),
            [0x20, 2, _, 0] => Ok(stream),
            other => bail!("refused: {other:?}"),
        }
    }

    fn publish(&self, first: u8, id: u16, payload: &str) -> anyhow::Result<Vec<u8>> {
        let mut body = u16::try_from(self.topic.len())?.to_be_bytes().to_vec();
        body.extend(self.topic.as_bytes());
        body.extend(id.to_be_bytes());
        body.extend(payload.as_bytes());
        Ok([&[first, u8::try_from(body.len())?][..], &body].concat())
    }
}

/// The session of a publisher is gone, and with it the knowledge of what it has sent.
#[derive(Debug)]
struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session of a publisher is lost")
    }
}

impl std::error::Error for Lost {}

async fn expect(stream: &mut TcpStream, first: u8, id: u16) -> anyhow::Result<()> {
    let mut packet = [0; 4];
    timeout(DEADLINE, stream.read_exact(&mut packet)).await??;
    let [high, low] = id.to_be_bytes();
    ensure!(
        packet == [first, 2, high, low],
        "not what was awaited: {packet:x?}"
    );
    Ok(())
}
