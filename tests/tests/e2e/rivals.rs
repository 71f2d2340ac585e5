//! Clients that connect again and again: two that fight for one name, and one that flaps.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, ensure};
use e2e::{DEADLINE, Role, Shape, until};
use rumqttc::v5::ConnectionError;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::ConnectReturnCode;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::account::Thing;
use crate::client::{Client, options, persistent};
use crate::sockets::descriptors;
use crate::stage::Stage;

/// How many messages are published during the fight.
const MESSAGES: usize = if cfg!(feature = "long") { 2000 } else { 200 };

/// How often a thing may connect in a second.
const CONNECTS: (&str, &str) = ("MF_MQTT_ADAPTER_MAX_CONNECTS_PER_THING", "5");

/// What counts those who connect too often.
const TOO_OFTEN: &str = r#"mqtt_over_limit_total{limit="connects_per_thing"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_fight_for_one_name_leave_one_and_lose_nothing() -> anyhow::Result<()> {
    let stage = Stage::set(Shape::Embedded).await?;
    let at = stage.platform.address("mqtt")?;
    let topic = stage.topic("/x");
    let mut publisher = Client::connect(options(&at, &stage.thing, "publisher")?).await?;
    let mut first = Client::connect(persistent(&at, &stage.thing, "rival")?).await?;
    first.subscribe(&topic, QoS::AtLeastOnce).await?;
    drop(first);
    let pid = stage.platform.pid(Role::All).context("it runs")?;
    let before = descriptors(pid)?;
    let got = watch::Sender::new(BTreeSet::new());
    let publish = async {
        for number in 0..MESSAGES {
            ensure!(publisher.publish(&topic, &number.to_string()).await?);
        }
        Ok(())
    };
    let rival = || fight(&at, &stage.thing, &got);
    let (published, lost, lost_too) = tokio::join!(publish, rival(), rival());
    published?;
    let lost = lost? + lost_too?;
    ensure!(lost > 10, "hardly a fight: {lost} connections were lost");
    let alone = || async {
        let open = stage.platform.metric("mqtt-ws", "mqtt_connections").await;
        (open.ok()? < 1.5 && descriptors(pid).ok()? <= before + 5).then_some(())
    };
    until("all but the publisher to be gone", alone).await
}

/// Connects whenever it has lost its place, until the two together have got all; returns how often that was.
async fn fight(
    at: &str,
    thing: &Thing,
    got: &watch::Sender<BTreeSet<String>>,
) -> anyhow::Result<u32> {
    let mut lost = 0;
    let connected = async {
        loop {
            let Ok(mut client) = Client::connect(persistent(at, thing, "rival")?).await else {
                continue;
            };
            ensure!(client.connack.session_present, "the session is lost");
            while let Ok(text) = client.text().await {
                got.send_modify(|got| _ = got.insert(text));
            }
            lost += 1;
        }
    };
    let mut all = got.subscribe();
    tokio::select! {
        failed = connected => return failed,
        complete = timeout(4 * DEADLINE, all.wait_for(|got| got.len() == MESSAGES)) => {
            complete.context("not all messages come")??;
        }
    }
    Ok(lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_flaps_is_refused_and_the_others_connect() -> anyhow::Result<()> {
    let stage = Stage::set_with(Shape::Embedded, &[CONNECTS]).await?;
    let at = stage.platform.address("mqtt")?;
    let wrong = Thing {
        key: "wrong".to_owned(),
        ..stage.thing.clone()
    };
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(stage.account.thing().await?);
    }
    let stop = AtomicBool::new(false);
    let connects = async {
        let mut here = Vec::new();
        for other in &others {
            here.push(Client::connect(options(&at, other, "other")?).await);
        }
        stop.store(true, Ordering::Relaxed);
        here.into_iter().collect::<anyhow::Result<Vec<_>>>()
    };
    let (here, known, unknown) = tokio::join!(
        connects,
        flap(
            &at,
            &stage.thing,
            ConnectReturnCode::ConnectionRateExceeded,
            &stop
        ),
        flap(&at, &wrong, ConnectReturnCode::BadUserNamePassword, &stop),
    );
    let (_here, (), ()) = (here?, known?, unknown?);
    let counted = || async {
        let refused = stage.platform.metric("mqtt-ws", TOO_OFTEN).await.ok()?;
        (refused > 0.5).then_some(())
    };
    until("the refusals to be counted", counted).await
}

/// Connects and leaves again and again, at least until it is refused like this.
async fn flap(
    at: &str,
    thing: &Thing,
    wanted: ConnectReturnCode,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let (mut refused, end) = (false, Instant::now() + DEADLINE);
    while !refused || !stop.load(Ordering::Relaxed) {
        ensure!(Instant::now() < end, "never refused with {wanted:?}");
        let Err(error) = Client::connect(options(at, thing, "flapping")?).await else {
            continue;
        };
        match error.downcast::<ConnectionError>()? {
            ConnectionError::ConnectionRefused(code) => {
                ensure!(code == wanted, "refused with {code:?}");
                refused = true;
            }
            other => return Err(other.into()),
        }
    }
    Ok(())
}
