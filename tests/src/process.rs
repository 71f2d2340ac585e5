use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::until;

/// One running `ferroflux`, killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    addresses: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RunJson {
    pid: u32,
    listeners: BTreeMap<String, String>,
}

impl Process {
    /// Starts the binary and waits until it has written where it listens.
    pub(crate) async fn start(
        data: &Path,
        log: &Path,
        roles: &[&str],
        env: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data)?;
        let output = File::options().create(true).append(true).open(log)?;
        let mut child = Command::new(binary()?)
            .arg("run")
            .args(roles)
            .arg("--data")
            .arg(data)
            .env_clear()
            .envs(env)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start ferroflux")?;
        let pid = child.id().context("no process id")?;
        let path = data.join("run.json");
        let addresses = until("ferroflux to write run.json", || {
            let ended = child.try_wait().ok().flatten();
            let found = std::fs::read(&path)
                .ok()
                .and_then(|json| serde_json::from_slice::<RunJson>(&json).ok())
                .filter(|json| json.pid == pid);
            async move {
                match (found, ended) {
                    (Some(json), _) => Some(Ok(json.listeners)),
                    (None, Some(status)) => Some(Err(anyhow::anyhow!("ferroflux ended: {status}"))),
                    (None, None) => None,
                }
            }
        })
        .await
        .and_then(|result| result)
        .with_context(|| {
            format!(
                "its log:\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            )
        })?;
        Ok(Self {
            child,
            log: log.to_owned(),
            addresses,
        })
    }

    /// Returns the address of a listener, such as `users-http`.
    pub(crate) fn address(&self, listener: &str) -> Option<&str> {
        self.addresses.get(listener).map(String::as_str)
    }

    /// Returns all it has written so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns the process id while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill")
    }

    /// Asks it to stop with SIGTERM and returns its exit status.
    pub(crate) async fn terminate(&mut self) -> anyhow::Result<Option<i32>> {
        let pid = self.pid().context("already gone")?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let status = tokio::time::timeout(crate::DEADLINE, self.child.wait())
            .await
            .context("did not stop")??;
        Ok(status.code())
    }
}

/// Finds the binary that was built beside the test.
///
/// # Errors
/// When there is none.
pub fn binary() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("a test lives in target/PROFILE/deps")?;
    let binary = folder.join("ferroflux");
    anyhow::ensure!(
        binary.exists(),
        "{} is missing: `make build` first",
        binary.display()
    );
    Ok(binary)
}

/// Runs the binary to its end and returns what it wrote.
///
/// # Errors
/// When it cannot be started or does not end in time.
pub async fn ferroflux(
    arguments: &[&str],
    env: &[(&str, &str)],
) -> anyhow::Result<std::process::Output> {
    let run = Command::new(binary()?)
        .args(arguments)
        .env_clear()
        .envs(env.iter().copied())
        .kill_on_drop(true)
        .output();
    Ok(tokio::time::timeout(crate::DEADLINE, run)
        .await
        .context("ferroflux does not end")??)
}

/// Returns how much memory a process has, in KiB.
///
/// # Errors
/// When there is no such process.
pub fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmRSS")?.parse()?)
}
