//! Nothing acknowledged is lost when a process is killed: a ledger of what was acknowledged against what arrived.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{DEADLINE, Shape};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::account::Thing;
use crate::stage::Stage;
use crate::{both_shapes, ledger};

both_shapes!(w16_killing_any_process_loses_nothing_acknowledged);

/// How many kills each process suffers.
const KILLS: usize = if cfg!(feature = "long") { 10 } else { 1 };
/// How long the load goes on undisturbed before a kill.
const LOAD: Duration = Duration::from_millis(800);
/// The pause between two messages of a publisher: two of them make 500 messages a second.
const PAUSE: Duration = Duration::from_millis(4);

async fn w16_killing_any_process_loses_nothing_acknowledged(shape: Shape) -> anyhow::Result<()> {
    let mut stage = Stage::set(shape).await?;
    let publisher = stage.account.thing().await?;
    stage.account.connect(&stage.channel, &publisher).await?;
    let mqtt: (String, u16) = endpoint(&stage.platform.address("mqtt")?)?;
    let http = stage.platform.address("http-adapter")?;
    let channel = stage.channel.clone();
    let topic = stage.topic("/ledger");

    register(&mqtt, &stage.thing, &topic).await?;
    let stop = AtomicBool::new(false);
    let by_mqtt = publish_mqtt(&mqtt, &publisher, &topic, &stop);
    let by_http = publish_http(&http, &publisher, &channel, &stop);
    let kills = async {
        let result = strike(&mut stage).await;
        stop.store(true, Ordering::Relaxed);
        result
    };
    let (killed, by_mqtt, by_http) = tokio::join!(kills, by_mqtt, by_http);
    killed?;
    let (by_mqtt, by_http) = (by_mqtt?, by_http?);
    ensure!(
        by_mqtt.len() > 100 && by_http.len() > 100,
        "too little load: {} and {}",
        by_mqtt.len(),
        by_http.len()
    );

    let acknowledged: BTreeSet<String> = by_mqtt.into_iter().chain(by_http).collect();
    ledger::check(&stage, &acknowledged).await?;
    let missing = collect(&mqtt, &stage.thing, acknowledged).await?;
    ensure!(
        missing.is_empty(),
        "{} acknowledged messages are lost: {missing:?}\n{}",
        missing.len(),
        stage.platform.log()
    );
    Ok(())
}

/// Kills each process in turn and starts it again, under load all the while.
async fn strike(stage: &mut Stage) -> anyhow::Result<()> {
    for _ in 0..KILLS {
        for role in stage.platform.roles() {
            tokio::time::sleep(LOAD).await;
            stage.platform.kill(role).await?;
            stage.platform.restart(role).await?;
        }
        stage.platform.restart_nats().await?;
        tokio::time::sleep(LOAD).await;
        stage.platform.interrupt_history(LOAD).await?;
    }
    tokio::time::sleep(LOAD).await;
    Ok(())
}

pub(crate) fn endpoint(address: &str) -> anyhow::Result<(String, u16)> {
    let (host, port) = address.rsplit_once(':').context("no port")?;
    Ok((host.to_owned(), port.parse()?))
}

fn session(at: &(String, u16), thing: &Thing, client: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(client, at.0.clone(), at.1);
    options
        .set_credentials(&thing.id, &thing.key)
        .set_clean_session(false)
        .set_keep_alive(Duration::from_secs(10));
    options.set_max_packet_size(1 << 20, 1 << 20);
    AsyncClient::new(options, 10)
}

/// Makes the persistent session whose queue everything must reach, and goes offline.
async fn register(at: &(String, u16), thing: &Thing, topic: &str) -> anyhow::Result<()> {
    let (client, mut events) = session(at, thing, "ledger");
    client.subscribe(topic, QoS::AtLeastOnce).await?;
    let acknowledged = async {
        loop {
            if let Event::Incoming(Packet::SubAck(_)) = events.poll().await? {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(DEADLINE, acknowledged)
        .await
        .context("no SUBACK")?
}

/// Publishes one message at a time at QoS 1, and returns those whose PUBACK came.
async fn publish_mqtt(
    at: &(String, u16),
    thing: &Thing,
    topic: &str,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = connect_mqtt(at, thing, "publisher").await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            let payload = format!("m{number}");
            if publish_one(&mut stream, topic, &payload).await.is_err() {
                break;
            }
            acknowledged.push(payload);
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(acknowledged)
}

/// Connects with raw bytes, so that no client library repeats a message behind our back.
pub(crate) async fn connect_mqtt(
    at: &(String, u16),
    thing: &Thing,
    client: &str,
) -> anyhow::Result<TcpStream> {
    let text = |text: &str| {
        [
            &u16::try_from(text.len()).unwrap_or(0).to_be_bytes()[..],
            text.as_bytes(),
        ]
        .concat()
    };
    let body = [
        b"\x00\x04MQTT\x04\xc2\x00\x3c".to_vec(),
        text(client),
        text(&thing.id),
        text(&thing.key),
    ]
    .concat();
    let mut stream = TcpStream::connect((at.0.as_str(), at.1)).await?;
    // A packet is written in two parts; together they leave at once.
    stream.set_nodelay(true)?;
    stream.write_all(&[0x10, u8::try_from(body.len())?]).await?;
    stream.write_all(&body).await?;
    let mut connack = [0; 4];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut connack)).await??;
    ensure!(connack == [0x20, 2, 0, 0], "refused: {connack:?}");
    Ok(stream)
}

async fn publish_one(stream: &mut TcpStream, topic: &str, payload: &str) -> anyhow::Result<()> {
    let mut packet = u16::try_from(topic.len())?.to_be_bytes().to_vec();
    packet.extend_from_slice(topic.as_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet.extend_from_slice(payload.as_bytes());
    stream
        .write_all(&[0x32, u8::try_from(packet.len())?])
        .await?;
    stream.write_all(&packet).await?;
    let mut puback = [0; 4];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut puback)).await??;
    ensure!(puback == [0x40, 2, 0, 1], "not a PUBACK: {puback:?}");
    Ok(())
}

/// Posts one message at a time, and returns those answered 202.
async fn publish_http(
    at: &str,
    thing: &Thing,
    channel: &str,
    stop: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    let mut number = 0;
    let mut stream = None;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let payload = format!("h{number}");
        match post_one(&mut stream, at, thing, channel, &payload).await {
            Ok(202) => acknowledged.push(payload),
            Ok(_) => {}
            Err(_) => {
                stream = None;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(acknowledged)
}

async fn post_one(
    stream: &mut Option<TcpStream>,
    at: &str,
    thing: &Thing,
    channel: &str,
    payload: &str,
) -> anyhow::Result<u16> {
    if stream.is_none() {
        *stream = Some(TcpStream::connect(at).await?);
    }
    let stream = stream.as_mut().context("no connection")?;
    let request = format!(
        "POST /channels/{channel}/messages/ledger HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n{payload}",
        thing.key,
        payload.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    let head = async {
        loop {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).await?;
            ensure!(count > 0, "closed");
            reply.extend_from_slice(&chunk[..count]);
            if reply.windows(4).any(|window| window == b"\r\n\r\n") {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), head).await??;
    let status = std::str::from_utf8(&reply)?
        .split(' ')
        .nth(1)
        .context("no status")?
        .parse()?;
    if status != 202 {
        // A refusal has a body that is not read here: the next request takes a fresh connection.
        anyhow::bail!("status {status}");
    }
    Ok(status)
}

/// Resumes the persistent session and returns what of the ledger does not arrive.
async fn collect(
    at: &(String, u16),
    thing: &Thing,
    mut missing: BTreeSet<String>,
) -> anyhow::Result<BTreeSet<String>> {
    let (_client, mut events) = session(at, thing, "ledger");
    let mut last = tokio::time::Instant::now();
    // The drain ends when all has arrived, or when nothing has for a while.
    while !missing.is_empty() && last.elapsed() < Duration::from_secs(10) {
        match tokio::time::timeout(Duration::from_secs(1), events.poll()).await {
            Ok(Ok(Event::Incoming(Packet::Publish(publish)))) => {
                missing.remove(std::str::from_utf8(&publish.payload)?);
                last = tokio::time::Instant::now();
            }
            Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
            Ok(Ok(_)) | Err(_) => {}
        }
    }
    Ok(missing)
}
