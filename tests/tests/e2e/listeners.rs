//! The rows of the TLS matrix that hold for every listener, by a client whose TLS is not ours, against real processes.

use anyhow::{Context, ensure};
use e2e::{Platform, Shape, curl};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::certificates::{Certificates, finish};
use crate::clients::{python, repository};

/// Every listener: its name in run.json, its name in metrics, what is spoken, and how many are silent meanwhile.
pub(crate) const LISTENERS: [(&str, &str, &str, u32); 12] = [
    ("users-http", "users-http", "http", 20),
    ("users-grpc", "users-grpc", "grpc", 20),
    ("things-http", "things-http", "http", 20),
    ("things-auth-http", "things-auth-http", "http", 20),
    ("things-grpc", "things-grpc", "grpc", 20),
    ("front", "front", "http", 20),
    ("http-adapter", "http-adapter", "http", 500),
    ("ws-adapter", "ws-adapter", "http", 20),
    ("mqtt", "mqtt-adapter", "mqtt", 500),
    ("mqtt-ws", "mqtt-adapter-ws", "http", 20),
    ("reader", "reader", "http", 20),
    ("writer", "writer", "http", 20),
];

/// What comes of each client, and the reason that the listener counts.
const ROWS: [(&str, &str, Option<&str>); 10] = [
    ("good", "ok", None),
    ("good-meanwhile", "ok", None),
    (
        "no-certificate",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        Some("no_client_cert"),
    ),
    ("foreign", "TLSV1_ALERT_UNKNOWN_CA", Some("unknown_ca")),
    (
        "expired",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        Some("expired"),
    ),
    ("plaintext", "closed", Some("plaintext")),
    ("tls-1.1", "TLSV1_ALERT_PROTOCOL_VERSION", Some("version")),
    ("silent", "closed", Some("deadline")),
    ("half-hello", "closed", Some("deadline")),
    ("trickle", "closed", Some("deadline")),
];

/// Rows 2, 4, 8, 10, 50, 60, 63, 64, 69 and 106.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_listener_judges_alike() -> anyhow::Result<()> {
    let certificates = Certificates::make().await?;
    certificates.thing("good").await?;
    certificates.short("expired", 1).await?;
    let foreign = Certificates::make().await?;
    foreign.thing("foreign").await?;
    for file in ["foreign.crt", "foreign.key"] {
        std::fs::copy(foreign.path(file), certificates.path(file))?;
    }
    let variables = variables(&certificates);
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let platform = Platform::start_with(Shape::Embedded, &variables).await?;
    let folder = certificates.path("");
    let mut visits = JoinSet::new();
    for (listener, ..) in LISTENERS {
        let (address, folder) = (platform.address(listener)?, folder.clone());
        visits.spawn(async move { visit(listener, &address, &folder).await });
    }
    while let Some(visit) = visits.join_next().await {
        visit??;
    }
    let metrics = curl(&[&format!("{}/metrics", platform.url("users-http")?)]).await?;
    let log = platform.log();
    for (_, listener, ..) in LISTENERS {
        for reason in ROWS.iter().filter_map(|(.., reason)| *reason) {
            let counted = count(&metrics.body, listener, reason);
            let expected = ROWS.iter().filter(|(.., row)| *row == Some(reason));
            ensure!(
                counted >= expected.count() as u64,
                "{listener} counted {counted} {reason}:\n{log}"
            );
            let told = log.lines().any(|line| {
                let words = ["connection refused", listener, reason];
                words.iter().all(|word| line.contains(word))
            });
            ensure!(told, "no word of {reason} at {listener}:\n{log}");
        }
    }
    nothing_secret(&certificates, &(log + &metrics.body))
}

/// TLS with client certificates on everything; plaintext from here alone, to see whether the process is ready.
pub(crate) fn variables(certificates: &Certificates) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for prefix in [
        "USERS",
        "THINGS",
        "FRONT",
        "HTTP_ADAPTER",
        "WS_ADAPTER",
        "MQTT_ADAPTER",
        "READER",
        "WRITER",
    ] {
        for (field, file) in [
            ("CERT", "mainflux-server.crt"),
            ("KEY", "mainflux-server.key"),
            ("CLIENT_CA", "ca.crt"),
        ] {
            let name = format!("MF_{prefix}_TLS_{field}_PEM_FILE");
            variables.push((name, certificates.path(file)));
        }
    }
    variables.push(("MF_USERS_LOG_LEVEL".to_owned(), "debug".to_owned()));
    for (field, value) in [
        ("PLAINTEXT", "allow"),
        ("PLAINTEXT_FROM", "127.0.0.1"),
        ("FIRST_BYTE_TIMEOUT", "3s"),
        ("HANDSHAKE_TIMEOUT", "6s"),
    ] {
        variables.push((format!("MF_TLS_{field}"), value.to_owned()));
    }
    variables
}

/// Runs all rows against one listener.
async fn visit(listener: &str, address: &str, folder: &str) -> anyhow::Result<()> {
    let (host, port) = address.split_once(':').context("no port")?;
    let found = LISTENERS.iter().find(|(name, ..)| *name == listener);
    let (.., protocol, crowd) = found.context("no such listener")?;
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/tls_rows.py"));
    command.args([host, port, protocol, &crowd.to_string(), folder]);
    let printed = String::from_utf8(finish(&mut command).await?.stdout)?;
    for (row, expected, _) in ROWS {
        let line = format!("{row} {expected}");
        ensure!(
            printed.lines().any(|printed| printed == line),
            "{listener}: not '{line}':\n{printed}"
        );
    }
    Ok(())
}

/// Returns how many handshakes a listener has refused for a reason.
pub(crate) fn count(metrics: &str, listener: &str, reason: &str) -> u64 {
    let labels = [
        format!("listener=\"{listener}\""),
        format!("reason=\"{reason}\""),
    ];
    let is_it = |line: &&str| {
        line.starts_with("tls_handshake_failures_total{")
            && labels.iter().all(|label| line.contains(label))
    };
    let line = metrics.lines().find(is_it).unwrap_or_default();
    let value = line.rsplit(' ').next().unwrap_or_default();
    value.parse().unwrap_or_default()
}

/// No line of any private key is anywhere in it.
fn nothing_secret(certificates: &Certificates, output: &str) -> anyhow::Result<()> {
    ensure!(!output.contains("PRIVATE KEY"), "a key was printed");
    for entry in std::fs::read_dir(certificates.path(""))? {
        let path = entry?.path();
        if path.extension() != Some("key".as_ref()) {
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines().skip(1) {
            ensure!(!output.contains(line), "{} was printed", path.display());
        }
    }
    Ok(())
}

/// Row 62: a client that speaks TLS where it is not spoken sees nonsense; the log says what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hello_on_a_plaintext_port_is_told() -> anyhow::Result<()> {
    let told = "TLS hello on plaintext listener";
    for listener in ["http-adapter", "mqtt"] {
        let loud = [("MF_HTTP_ADAPTER_LOG_LEVEL", "warn")];
        let platform = Platform::start_with(Shape::Embedded, &loud).await?;
        let url = format!("https://{}/", platform.address(listener)?);
        for _ in 0..2 {
            let reply = curl(&["--insecure", &url]).await;
            ensure!(reply.is_err(), "{listener} speaks TLS: {reply:?}");
        }
        let log = || async { Some(platform.log()).filter(|log| log.contains(told)) };
        let log = e2e::until("the log to tell", log).await?;
        ensure!(log.matches(told).count() == 1, "told twice:\n{log}");
    }
    Ok(())
}
