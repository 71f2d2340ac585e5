//! What connections can do to a process that serves them: take all its descriptors, and vanish again and again.

use anyhow::{Context, ensure};
use e2e::{DEADLINE, Role, Shape, until};
use rumqttc::v5::mqttbytes::QoS;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::client::{Client, options, persistent};
use crate::stage::Stage;

/// How many connections there are more than there are descriptors left.
const TOO_MANY: usize = 60;

/// How often a client is reset.
const RESETS: usize = if cfg!(feature = "long") { 2000 } else { 100 };

/// How many things connect at the same moment.
const STORM: usize = if cfg!(feature = "long") { 1000 } else { 100 };

/// What a process logs of each connection it cannot accept.
const NOT_ACCEPTED: &str = "a connection could not be accepted";

/// Returns how many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_the_connected_are_served_and_others_when_there_are_some()
-> anyhow::Result<()> {
    let stage = Stage::set(Shape::Embedded).await?;
    let at = stage.platform.address("mqtt")?;
    let topic = stage.topic("/x");
    let mut client = Client::connect(options(&at, &stage.thing, "c")?).await?;
    client.subscribe(&topic, QoS::AtLeastOnce).await?;
    ensure!(client.publish(&topic, "before").await?);
    ensure!(client.text().await? == "before");

    let pid = stage.platform.pid(Role::All).context("it runs")?;
    let limit = descriptors(pid)? + TOO_MANY / 2;
    let limited = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--nofile={limit}:")])
        .status()
        .await?;
    ensure!(limited.success(), "prlimit: {limited}");
    let start = Instant::now();
    let mut crowd = Vec::new();
    for _ in 0..TOO_MANY {
        crowd.push(TcpStream::connect(&at).await?);
    }
    let told = || async { stage.platform.log().contains(NOT_ACCEPTED).then_some(()) };
    until("the log to say so", told).await?;
    for number in 0..20 {
        let text = format!("during {number}");
        ensure!(client.publish(&topic, &text).await?);
        ensure!(client.text().await? == text);
    }
    let lines = stage.platform.log().matches(NOT_ACCEPTED).count();
    let seconds = usize::try_from(start.elapsed().as_secs())?;
    ensure!(lines <= seconds + 2, "{lines} lines in {seconds} s");

    drop(crowd);
    let mut another = Client::connect(options(&at, &stage.thing, "another")?).await?;
    ensure!(another.publish(&topic, "after").await?);
    ensure!(client.text().await? == "after");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_reset_again_and_again_loses_nothing_and_leaves_nothing()
-> anyhow::Result<()> {
    let stage = Stage::set(Shape::Embedded).await?;
    let at = stage.platform.address("mqtt")?;
    let topic = stage.topic("/x");
    let mut away = Client::connect(persistent(&at, &stage.thing, "away")?).await?;
    away.subscribe(&topic, QoS::AtLeastOnce).await?;
    drop(away);
    let pid = stage.platform.pid(Role::All).context("it runs")?;
    let before = descriptors(pid)?;
    for number in 0..RESETS {
        let mut client = Client::connect(persistent(&at, &stage.thing, "flapping")?).await?;
        ensure!(client.publish(&topic, &number.to_string()).await?);
        reset(&at).await?;
    }
    let gone = || async { (descriptors(pid).ok()? <= before + 5).then_some(()) };
    until("the descriptors to be free", gone).await?;
    let mut away = Client::connect(persistent(&at, &stage.thing, "away")?).await?;
    for number in 0..RESETS {
        ensure!(away.text().await? == number.to_string());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_things_that_nobody_knows_yet_is_let_in_to_the_last() -> anyhow::Result<()> {
    let stage = Stage::set(Shape::Separate).await?;
    let at = stage.platform.address("mqtt")?;
    let mut things = Vec::new();
    for _ in 0..STORM {
        things.push(stage.account.thing().await?);
    }
    let mut storm = JoinSet::new();
    for thing in things {
        storm.spawn(Client::connect(options(&at, &thing, "c")?));
    }
    let mut here = Vec::new();
    while let Some(connected) = storm.join_next().await {
        here.push(connected??);
    }
    Ok(())
}

/// Begins a connection and resets it in the middle of a CONNECT.
async fn reset(at: &str) -> anyhow::Result<()> {
    let stream = TcpStream::connect(at).await?;
    stream.set_zero_linger()?;
    timeout(DEADLINE, stream.writable()).await??;
    stream.try_write(b"\x10\x13\0\x04MQ")?;
    Ok(())
}
