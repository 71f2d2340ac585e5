use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};

/// How long one load may take, on a busy machine and against a debug build.
const LONG: Duration = Duration::from_secs(300);

/// The load generator of the benchmarks at work, killed when dropped.
pub struct Load(Child);

impl Load {
    /// Starts it; `bench/load/README.md` has the arguments.
    ///
    /// # Errors
    /// When it is not built.
    pub fn start<S: AsRef<str>>(arguments: &[S]) -> anyhow::Result<Self> {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/load/target/release/mqttload");
        ensure!(
            program.exists(),
            "the load generator is missing: cargo build --release --manifest-path bench/load/Cargo.toml"
        );
        let child = Command::new(program)
            .args(arguments.iter().map(AsRef::as_ref))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the load generator")?;
        Ok(Self(child))
    }

    /// Waits for its end and returns what it reports.
    ///
    /// # Errors
    /// When it does not end, or has nothing to report.
    pub async fn report(self) -> anyhow::Result<Value> {
        let output = tokio::time::timeout(LONG, self.0.wait_with_output())
            .await
            .context("the load does not end")??;
        serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
