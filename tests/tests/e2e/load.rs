//! Many messages at once: pipelined over raw MQTT, because client libraries in a debug build are slower than the broker.

use anyhow::{Context, ensure};
use e2e::DEADLINE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::account::Thing;
use crate::crash::{connect_mqtt, endpoint};

/// How many messages may be on their way: what a broker must at least take.
const WINDOW: u64 = 100;

/// Publishes numbered SenML at QoS 1 and returns when each is acknowledged.
pub(crate) async fn publish(
    address: &str,
    thing: &Thing,
    topic: &str,
    count: u64,
) -> anyhow::Result<()> {
    let mut stream = connect_mqtt(&endpoint(address)?, thing, "publisher").await?;
    let mut sent = 0;
    while sent < count {
        let next = count.min(sent + WINDOW);
        let mut packets = Vec::new();
        for number in sent..next {
            packets.extend(packet(topic, number)?);
        }
        stream.write_all(&packets).await?;
        acknowledged(&mut stream, next - sent).await?;
        sent = next;
    }
    Ok(())
}

fn packet(topic: &str, number: u64) -> anyhow::Result<Vec<u8>> {
    let payload = format!(r#"[{{"n":"load","v":{number}}}]"#);
    let mut body = u16::try_from(topic.len())?.to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&u16::try_from(number % WINDOW + 1)?.to_be_bytes());
    body.extend_from_slice(payload.as_bytes());
    let mut packet = vec![
        0x32,
        u8::try_from(body.len()).context("too long for one byte of length")?,
    ];
    packet.extend(body);
    Ok(packet)
}

async fn acknowledged(stream: &mut TcpStream, count: u64) -> anyhow::Result<()> {
    let mut pubacks = vec![0; usize::try_from(count * 4)?];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut pubacks))
        .await
        .context("no PUBACK")??;
    ensure!(
        pubacks.chunks(4).all(|puback| puback[0] == 0x40),
        "not a PUBACK"
    );
    Ok(())
}
