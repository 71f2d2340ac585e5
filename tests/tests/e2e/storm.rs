//! Ten thousand messages a second for ten seconds, while what stores them is killed: all that was acknowledged is stored, once.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Role, Shape, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::account::Thing;
use crate::crash::{connect_mqtt, endpoint};
use crate::stage::Stage;
use crate::{both_shapes, ledger};

both_shapes!(kills_under_ten_thousand_a_second_lose_and_double_nothing);

const LENGTH: Duration = Duration::from_secs(10);
/// As many messages every hundredth of a second: what a broker must at least take at once.
const WINDOW: u16 = 100;
const TICK: Duration = Duration::from_millis(10);
/// How long the load goes on between two kills, and how long the database is away.
const LOAD: Duration = Duration::from_millis(1500);
const AWAY: Duration = Duration::from_secs(1);
/// How long an acknowledgement may take before the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);

async fn kills_under_ten_thousand_a_second_lose_and_double_nothing(
    shape: Shape,
) -> anyhow::Result<()> {
    let mut stage = Stage::set(shape).await?;
    let at = endpoint(&stage.platform.address("mqtt")?)?;
    let thing = stage.thing.clone();
    let publisher = Publisher {
        at: &at,
        thing: &thing,
        topic: &stage.topic("/storm"),
    };
    let (killed, acknowledged) = tokio::join!(kill(&mut stage), publisher.run());
    killed?;
    let acknowledged = acknowledged?;
    ensure!(
        acknowledged.len() > 10_000,
        "too little load: {}",
        acknowledged.len()
    );
    caught_up(&stage, acknowledged.len() as u64).await?;
    ledger::check(&stage, &acknowledged).await
}

/// Kills all that stores, one after the other.
async fn kill(stage: &mut Stage) -> anyhow::Result<()> {
    let role = match stage.platform.shape {
        Shape::Embedded => Role::All,
        Shape::Separate => Role::Writer,
    };
    for _ in 0..2 {
        sleep(LOAD).await;
        stage.platform.kill(role).await?;
        stage.platform.restart(role).await?;
        sleep(LOAD).await;
        stage.platform.interrupt_history(AWAY).await?;
        stage.platform.restart_nats().await?;
    }
    Ok(())
}

/// Waits for as long as more and more is stored.
async fn caught_up(stage: &Stage, count: u64) -> anyhow::Result<()> {
    let mut stored = 0;
    while stored < count {
        let more = || async {
            let page = stage.read("?raw=true&limit=1").await.ok()?.json();
            page["total"].as_u64().filter(|total| *total > stored)
        };
        stored = until("more messages to be stored", more)
            .await
            .with_context(|| format!("{stored} of {count}\n{}", stage.platform.log()))?;
    }
    Ok(())
}

struct Publisher<'a> {
    at: &'a (String, u16),
    thing: &'a Thing,
    topic: &'a str,
}

impl Publisher<'_> {
    /// Publishes at QoS 1 on schedule, each message once, and returns those whose PUBACK came.
    async fn run(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut acknowledged = BTreeSet::new();
        let (start, mut window) = (Instant::now(), 0);
        let mut tick = interval(TICK);
        // What was missed while nobody took it is not made up for.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stream = None;
        while start.elapsed() < LENGTH {
            tick.tick().await;
            if stream.is_none() {
                stream = connect_mqtt(self.at, self.thing, "publisher").await.ok();
            }
            let Some(open) = &mut stream else {
                continue;
            };
            window += 1;
            let got = &mut acknowledged;
            if self.exchange(open, window, got).await.is_err() {
                stream = None;
            }
        }
        Ok(acknowledged)
    }

    async fn exchange(
        &self,
        stream: &mut TcpStream,
        window: u32,
        acknowledged: &mut BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let payload = |id: u16| format!("s{window}-{id}");
        let mut packets = Vec::new();
        for id in 1..=WINDOW {
            packets.extend(self.packet(id, &payload(id))?);
        }
        stream.write_all(&packets).await?;
        for _ in 0..WINDOW {
            let mut puback = [0; 4];
            timeout(PATIENCE, stream.read_exact(&mut puback)).await??;
            let [first, 2, high, low] = puback else {
                anyhow::bail!("not a PUBACK: {puback:?}");
            };
            ensure!(first == 0x40, "not a PUBACK: {puback:?}");
            acknowledged.insert(payload(u16::from_be_bytes([high, low])));
        }
        Ok(())
    }

    fn packet(&self, id: u16, payload: &str) -> anyhow::Result<Vec<u8>> {
        let length = 2 + self.topic.len() + 2 + payload.len();
        let mut packet = vec![0x32, u8::try_from(length)?];
        ensure!(length < 128, "too long for one byte of length");
        packet.extend(u16::try_from(self.topic.len())?.to_be_bytes());
        packet.extend_from_slice(self.topic.as_bytes());
        packet.extend(id.to_be_bytes());
        packet.extend_from_slice(payload.as_bytes());
        Ok(packet)
    }
}
