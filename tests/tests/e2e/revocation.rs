//! A change in the registry reaches live sessions on every protocol, within a second, in both shapes.

use std::time::{Duration, Instant};

use anyhow::ensure;
use e2e::{Shape, until};
use serde_json::json;

use crate::both_shapes;
use crate::clients::{Client, message, publish, subscribe, websocket};
use crate::stage::Stage;

both_shapes!(
    w9_disconnecting_cuts,
    a_new_key_cuts,
    deleting_the_thing_cuts,
    deleting_the_channel_cuts
);

/// The promise, with room for the clients to notice and for a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(3);

/// A session on each protocol, and proof that each is live.
struct Sessions {
    mqtt: Client,
    socket: Client,
}

impl Sessions {
    async fn open(stage: &Stage) -> anyhow::Result<Self> {
        let mut mqtt = subscribe(
            &stage.platform,
            &stage.thing,
            &stage.topic("/#"),
            &["-V", "mqttv5", "-q", "1"],
        )
        .await?;
        let mut socket = websocket(
            &stage.socket("")?,
            &[&format!("Authorization:{}", stage.thing.key)],
        )
        .await?;
        assert_eq!(socket.line().await?, "open");
        let path = format!("{}/messages", stage.channel);
        assert_eq!(
            stage
                .post(&stage.thing.key, &path, "alive", "text/plain")
                .await?,
            202
        );
        assert_eq!(
            message(&mut mqtt).await?,
            format!("{} alive", stage.topic(""))
        );
        assert_eq!(socket.line().await?, "text alive");
        Ok(Self { mqtt, socket })
    }

    /// Waits until both are cut, and HTTP is refused with the old key.
    async fn are_cut(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let start = Instant::now();
        ensure!(
            self.socket.line_after("closed ").await?.starts_with("3003"),
            "the close code is not 3003"
        );
        let reason = self.mqtt.line_after("Received DISCONNECT (").await?;
        ensure!(
            ["135", "152"].iter().any(|code| reason.starts_with(code)),
            "told {reason} instead of not authorized or administrative action"
        );
        let path = format!("{}/messages", stage.channel);
        let refused = || async {
            let status = stage
                .post(&stage.thing.key, &path, "x", "text/plain")
                .await
                .ok()?;
            (status == 403).then_some(())
        };
        until("HTTP to be refused", refused).await?;
        ensure!(
            start.elapsed() < SOON,
            "cut after {:?} only",
            start.elapsed()
        );
        let more = ["-V", "mqttv311", "-q", "1"];
        ensure!(
            publish(&stage.platform, &stage.thing, &stage.topic(""), "x", &more).await? != 0,
            "MQTT still publishes"
        );
        Ok(())
    }
}

async fn w9_disconnecting_cuts(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let mut sessions = Sessions::open(&stage).await?;
    stage
        .account
        .disconnect(&stage.channel, &stage.thing)
        .await?;
    sessions.are_cut(&stage).await
}

async fn a_new_key_cuts(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let mut sessions = Sessions::open(&stage).await?;
    let path = format!("/things/{}/key", stage.thing.id);
    assert_eq!(
        stage
            .account
            .things("PATCH", &path, Some(json!({"key": "another"})))
            .await?
            .status,
        200
    );
    sessions.are_cut(&stage).await?;
    let path = format!("{}/messages", stage.channel);
    assert_eq!(stage.post("another", &path, "x", "text/plain").await?, 202);
    Ok(())
}

async fn deleting_the_thing_cuts(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let mut sessions = Sessions::open(&stage).await?;
    assert_eq!(
        stage
            .account
            .things("DELETE", &format!("/things/{}", stage.thing.id), None)
            .await?
            .status,
        204
    );
    sessions.are_cut(&stage).await
}

async fn deleting_the_channel_cuts(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let mut sessions = Sessions::open(&stage).await?;
    assert_eq!(
        stage
            .account
            .things("DELETE", &format!("/channels/{}", stage.channel), None)
            .await?
            .status,
        204
    );
    sessions.are_cut(&stage).await
}
