//! What scanners of TLS find on every port, which takes minutes: nothing below TLS 1.2, no weak suite, no known fault.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Platform, Shape};
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::certificates::{Certificates, finish};
use crate::listeners::{LISTENERS, variables};

/// How long one scan may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1200);

/// How many listeners are scanned at once: a scanner waits more than it computes.
const AT_ONCE: usize = 3;

/// The suites a listener may agree to.
const SUITES: [&str; 9] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scanners_find_nothing() -> anyhow::Result<()> {
    let certificates = Certificates::make().await?;
    // Scanners have no certificate, so that nobody is asked for one.
    let mut variables = variables(&certificates);
    variables.push(("MF_TLS_CLIENT_AUTH".to_owned(), "none".to_owned()));
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let platform = Platform::start_with(Shape::Embedded, &variables).await?;
    for some in LISTENERS.chunks(AT_ONCE) {
        let mut scans = JoinSet::new();
        for &(listener, ..) in some {
            let address = platform.address(listener)?;
            let report = certificates.path(&format!("{listener}.json"));
            scans.spawn(async move { scan(listener, &address, &report).await.context(listener) });
        }
        while let Some(scan) = scans.join_next().await {
            scan??;
        }
    }
    Ok(())
}

async fn scan(listener: &str, address: &str, report: &str) -> anyhow::Result<()> {
    sslscan(address).await?;
    // All listeners are of one code: what takes minutes is looked for on one of them.
    let (checks, findings): (&[&str], usize) = match listener {
        "front" => (&["--protocols", "--std", "--fs", "--vulnerable"], 30),
        _ => (&["--protocols", "--std"], 12),
    };
    testssl(address, report, checks, findings).await
}

async fn sslscan(address: &str) -> anyhow::Result<()> {
    let mut command = Command::new("sslscan");
    command.args(["--no-colour", address]);
    let found = String::from_utf8(finish(&mut command).await?.stdout)?;
    let lines = || found.lines().map(str::trim);
    for version in ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"] {
        let disabled = |line: &str| line.starts_with(version) && line.ends_with("disabled");
        ensure!(lines().any(disabled), "{version} is spoken:\n{found}");
    }
    let suites =
        lines().filter(|line| line.starts_with("Accepted") || line.starts_with("Preferred"));
    let suites: Vec<_> = suites
        .filter_map(|line| line.split_whitespace().nth(4))
        .collect();
    ensure!(suites.len() >= 6, "few suites were found:\n{found}");
    let weak = suites.iter().find(|suite| !SUITES.contains(suite));
    ensure!(weak.is_none(), "a suite that should not be there: {weak:?}");
    ensure!(
        found.contains("Session renegotiation not supported"),
        "{found}"
    );
    Ok(())
}

async fn testssl(
    address: &str,
    report: &str,
    checks: &[&str],
    findings_at_least: usize,
) -> anyhow::Result<()> {
    let mut command = Command::new("testssl");
    command.args([
        "--quiet",
        "--color",
        "0",
        "--warnings",
        "batch",
        "--jsonfile",
        report,
    ]);
    command.args(checks).arg(address);
    let run = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, run).await;
    let output = output.context("testssl does not end")??;
    ensure!(output.status.success(), "testssl: {output:?}");
    let findings: Vec<Value> = serde_json::from_slice(&std::fs::read(report)?)?;
    // The one warning is about the scanner's own library; what is no HTTP/1.1 is told as a remark for debugging.
    let fine = |finding: &&Value| {
        let severity = finding["severity"].as_str();
        matches!(severity, Some("OK" | "INFO" | "DEBUG")) || finding["id"] == "engine_problem"
    };
    let (fine, bad): (Vec<_>, Vec<_>) = findings.iter().partition(fine);
    ensure!(
        fine.len() >= findings_at_least,
        "the scan is not whole: {findings:?}"
    );
    ensure!(bad.is_empty(), "{bad:?}");
    Ok(())
}
