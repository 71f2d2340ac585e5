//! Several MQTT adapters on one NATS server, and what happens when that is away.

use std::collections::BTreeSet;

use anyhow::ensure;
use e2e::{DEADLINE, Role, Shape, until};
use rumqttc::v5::mqttbytes::QoS;
use tokio::time::Instant;

use crate::client::{Client, options, persistent};
use crate::stage::Stage;

/// The reason of the end of a connection whose client has connected again.
const TAKEN_OVER: u8 = 0x8e;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_connects_to_another_adapter_is_cut_at_the_first() -> anyhow::Result<()> {
    let stage = Stage::set(Shape::Separate).await?;
    let second = stage.platform.beside(Role::MqttAdapter).await?;
    let (here, there) = (stage.platform.address("mqtt")?, second.address("mqtt")?);
    for options in [options, persistent] {
        let mut client = Client::connect(options(&here, &stage.thing, "c")?).await?;
        for at in [&there, &here, &there] {
            let newer = Client::connect(options(at, &stage.thing, "c")?).await?;
            ensure!(client.closed().await? == TAKEN_OVER);
            client = newer;
        }
        client
            .subscribe(&stage.topic("/x"), QoS::AtLeastOnce)
            .await?;
        ensure!(client.publish(&stage.topic("/x"), "still here").await?);
        ensure!(client.text().await? == "still here");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nats_is_away_live_messages_flow_and_none_is_acknowledged_that_is_not_kept()
-> anyhow::Result<()> {
    let mut stage = Stage::set(Shape::Separate).await?;
    let at = stage.platform.address("mqtt")?;
    let (live, kept) = (stage.topic("/live"), stage.topic("/kept"));
    let mut away = Client::connect(persistent(&at, &stage.thing, "away")?).await?;
    away.subscribe(&kept, QoS::AtLeastOnce).await?;
    drop(away);
    let mut subscriber = Client::connect(options(&at, &stage.thing, "subscriber")?).await?;
    subscriber.subscribe(&live, QoS::AtMostOnce).await?;
    let mut publisher = Client::connect(options(&at, &stage.thing, "publisher")?).await?;
    let (mut sent, mut acknowledged) = (0, BTreeSet::new());
    let mut publish = async |publisher: &mut Client| {
        sent += 1;
        let text = format!("m{sent}");
        let accepted = publisher.publish(&kept, &text).await?;
        if accepted {
            acknowledged.insert(text);
        }
        anyhow::Ok(accepted)
    };
    for _ in 0..20 {
        ensure!(publish(&mut publisher).await?, "refused before the outage");
    }

    stage.platform.kill_nats().await?;
    for number in 0..20 {
        let text = format!("live {number}");
        publisher.send(&live, &text).await?;
        ensure!(subscriber.text().await? == text);
    }
    ensure!(!publish(&mut publisher).await?, "acknowledged by nobody");
    let mut newcomer = Client::connect(options(&at, &stage.thing, "newcomer")?).await?;
    newcomer.send(&live, "from a newcomer").await?;
    ensure!(subscriber.text().await? == "from a newcomer");

    stage.platform.restart_nats().await?;
    let end = Instant::now() + DEADLINE;
    while !publish(&mut publisher).await? {
        ensure!(Instant::now() < end, "NATS is back, and still refused");
    }
    for _ in 0..20 {
        ensure!(publish(&mut publisher).await?, "refused after the outage");
    }
    let resume = || async {
        let options = persistent(&at, &stage.thing, "away").ok()?;
        Client::connect(options).await.ok()
    };
    let mut away = until("the session to be there", resume).await?;
    ensure!(away.connack.session_present, "the session is lost");
    while !acknowledged.is_empty() {
        let text = away.text().await?;
        let number = text.strip_prefix('m').and_then(|text| text.parse().ok());
        ensure!(
            number.is_some_and(|number: u32| number <= sent),
            "{text} was never sent"
        );
        acknowledged.remove(&text);
    }
    Ok(())
}
