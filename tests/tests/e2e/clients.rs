//! Foreign clients as child processes whose lines the scenarios read: mosquitto and the Python `websockets` library.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use e2e::{DEADLINE, Platform};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::account::Thing;
use crate::certificates::Certificates;

/// A client that runs beside the test.
pub(crate) struct Client {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// Starts a program.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            input,
            lines: BufReader::new(output).lines(),
        })
    }

    /// Returns its process id while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the next line it prints.
    pub(crate) async fn line(&mut self) -> anyhow::Result<String> {
        let line = tokio::time::timeout(DEADLINE, self.lines.next_line()).await;
        line.context("the client printed nothing in time")??
            .context("the client ended")
    }

    /// Waits for a line that begins like this, and returns the rest of it.
    pub(crate) async fn line_after(&mut self, prefix: &str) -> anyhow::Result<String> {
        loop {
            if let Some(rest) = self.line().await?.strip_prefix(prefix) {
                return Ok(rest.to_owned());
            }
        }
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        let end = async { while let Ok(Some(_)) = self.lines.next_line().await {} };
        let ended = tokio::time::timeout(DEADLINE, end).await;
        ended.context("the client did not end in time")
    }

    /// Gives it a line to read.
    pub(crate) async fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(self.input.flush().await?)
    }
}

/// Opens a WebSocket with the Python library; headers are `Name:Value`.
pub(crate) async fn websocket(url: &str, headers: &[&str]) -> anyhow::Result<Client> {
    let url = url
        .replace("http://", "ws://")
        .replace("https://", "wss://");
    let mut command = Command::new(python());
    command
        .arg(repository().join("tests/clients/ws.py"))
        .arg(url)
        .args(headers);
    Client::start(command)
}

/// Opens a WebSocket over TLS with a client certificate.
pub(crate) async fn secure_websocket(
    url: &str,
    certificates: &Certificates,
    name: &str,
) -> anyhow::Result<Client> {
    let mut command = Command::new(python());
    command
        .arg(repository().join("tests/clients/ws.py"))
        .arg(url.replace("https://", "wss://"));
    command.envs(certificates.variables(name));
    Client::start(command)
}

/// Subscribes with mosquitto_sub and returns once the broker has acknowledged it.
pub(crate) async fn subscribe(
    platform: &Platform,
    thing: &Thing,
    topic: &str,
    more: &[&str],
) -> anyhow::Result<Client> {
    let mut command = mosquitto("mosquitto_sub", platform, thing, more)?;
    command.args(["-d", "-v", "-t", topic]);
    let mut client = Client::start(command)?;
    let outcome = client.line_after("Subscribed (mid: 1): ").await?;
    if outcome.starts_with("128") || outcome.starts_with("135") {
        bail!("refused with {outcome}");
    }
    Ok(client)
}

/// Returns the next message that a subscribed mosquitto_sub prints, as `TOPIC PAYLOAD`.
pub(crate) async fn message(client: &mut Client) -> anyhow::Result<String> {
    loop {
        let line = client.line().await?;
        if line.starts_with("channels/") {
            return Ok(line);
        }
    }
}

/// Publishes with mosquitto_pub and returns its exit status.
pub(crate) async fn publish(
    platform: &Platform,
    thing: &Thing,
    topic: &str,
    payload: &str,
    more: &[&str],
) -> anyhow::Result<i32> {
    let mut command = mosquitto("mosquitto_pub", platform, thing, more)?;
    command
        .args(["-t", topic, "-m", payload])
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let status = tokio::time::timeout(DEADLINE, command.status())
        .await
        .context("mosquitto_pub hangs")??;
    Ok(status.code().unwrap_or(-1))
}

/// Publishes to itself with Paho over a WebSocket and returns what it printed.
pub(crate) async fn paho_over_websocket(
    address: &str,
    path: &str,
    thing: &Thing,
    topic: &str,
) -> anyhow::Result<String> {
    paho_with(address, path, thing, topic, &[]).await
}

/// As [`paho_over_websocket`], over TLS with a client certificate.
pub(crate) async fn paho_over_secure_websocket(
    address: &str,
    path: &str,
    thing: &Thing,
    topic: &str,
    (certificates, name): (&Certificates, &str),
) -> anyhow::Result<String> {
    paho_with(address, path, thing, topic, &certificates.variables(name)).await
}

/// As [`paho_over_websocket`], with a header that a proxy would add.
pub(crate) async fn paho_behind_a_proxy(
    address: &str,
    path: &str,
    thing: &Thing,
    topic: &str,
    header: &str,
) -> anyhow::Result<String> {
    let variables = [("WS_HEADER", header.to_owned())];
    paho_with(address, path, thing, topic, &variables).await
}

async fn paho_with(
    address: &str,
    path: &str,
    thing: &Thing,
    topic: &str,
    variables: &[(&str, String)],
) -> anyhow::Result<String> {
    let (host, port) = address.split_once(':').context("no port")?;
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/mqtt_ws.py"));
    command.args([host, port, path, &thing.id, &thing.key, topic, "over-ws"]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = tokio::time::timeout(DEADLINE, command.kill_on_drop(true).output())
        .await
        .context("Paho hangs")??;
    if !output.status.success() {
        bail!("Paho: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn mosquitto(
    program: &str,
    platform: &Platform,
    thing: &Thing,
    more: &[&str],
) -> anyhow::Result<Command> {
    let address = platform.address("mqtt")?;
    let (host, port) = address.split_once(':').context("no port")?;
    // Into a pipe the C library would keep lines back until there are many.
    let mut command = Command::new("stdbuf");
    command
        .args(["-oL", program])
        .args(["-h", host, "-p", port, "-u", &thing.id, "-P", &thing.key])
        .args(more);
    Ok(command)
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The interpreter that has the client libraries: scripts/install-test-tools.sh makes it.
pub(crate) fn python() -> PathBuf {
    repository().join("target/venv/bin/python")
}
