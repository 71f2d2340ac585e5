//! Independent MQTT clients, each of which goes through the same things: every QoS, retained messages, wills, persistent
//! sessions.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::Shape;
use tokio::process::Command;

use crate::both_shapes;
use crate::clients::{python, repository};
use crate::stage::Stage;

both_shapes!(independent_clients_find_what_they_expect);

/// How long one client may take for all of it.
const PATIENCE: Duration = Duration::from_secs(90);
const ALL: &str = "qos0 qos1 qos2 retained will session";

/// What runs a client, the client, and whether it speaks WebSocket.
const CLIENTS: [(&str, &str, bool); 4] = [
    ("bash", "with_mosquitto.sh", false),
    ("python", "with_paho.py", true),
    ("python", "with_aiomqtt.py", true),
    ("node", "with_mqttjs.mjs", true),
];

async fn independent_clients_find_what_they_expect(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let default = format!(
        "{}/things/{}/default_channel",
        stage.platform.url("things-http")?,
        stage.thing.id
    );
    let body = format!(r#"{{"channel_id":"{}"}}"#, stage.channel);
    let token = format!("Authorization: {}", stage.account.token);
    let json = crate::account::JSON;
    let set = e2e::curl(&["-X", "PUT", "-H", &token, "-H", json, "-d", &body, &default]).await?;
    ensure!(set.status == 200, "no default channel: {}", set.status);
    for (program, client, websockets) in CLIENTS {
        for version in ["4", "5"] {
            run(&stage, (program, client), ("tcp", "mqtt"), version).await?;
            if websockets {
                run(
                    &stage,
                    (program, client),
                    ("websockets", "mqtt-ws"),
                    version,
                )
                .await?;
            }
        }
    }
    Ok(())
}

/// Runs a client twice: with a topic of a channel, and with one that knows no channel.
async fn run(
    stage: &Stage,
    (program, client): (&str, &str),
    (transport, listener): (&str, &str),
    version: &str,
) -> anyhow::Result<()> {
    let address = stage.platform.address(listener)?;
    let (host, port) = address.rsplit_once(':').context("no port")?;
    let absolute = stage.topic(&format!("/{client}/{transport}/{version}"));
    for topic in [&absolute, "fixed/topic"] {
        let mut command = match program {
            "python" => Command::new(python()),
            program => Command::new(program),
        };
        command
            .arg(repository().join("tests/clients/mqtt").join(client))
            .args([host, port, transport, version])
            .args([&stage.thing.id, &stage.thing.key, topic])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let what = format!("{client} over {transport}, version {version}, {topic}");
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = output.with_context(|| format!("{what}: hangs"))??;
        let words = String::from_utf8_lossy(&output.stdout).replace('\n', " ");
        ensure!(
            output.status.success() && words.starts_with(ALL),
            "{what}: {words}\n{}\n{}",
            String::from_utf8_lossy(&output.stderr),
            stage.platform.log()
        );
    }
    Ok(())
}
