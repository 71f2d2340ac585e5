//! A NATS server of its own for each test.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::world::within;

/// A server that can be killed and started again on the same address, with what it has stored.
#[derive(Debug)]
pub(crate) struct Server {
    program: String,
    dir: TempDir,
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// Starts a server, or says that tests on NATS are skipped because none was named.
    pub(crate) async fn start(arguments: &[&str]) -> Option<Self> {
        let program = program()?;
        let mut server = Self {
            program,
            dir: TempDir::new().unwrap(),
            port: 0,
            arguments: owned(arguments),
            process: None,
        };
        server.run("-1").await;
        Some(server)
    }

    /// Starts the server again after [`Self::kill`].
    pub(crate) async fn restart(&mut self) {
        self.run(&self.port.to_string()).await;
    }

    async fn run(&mut self, port: &str) {
        let dir = self.dir.path();
        let log = fs::File::create(dir.join("log")).unwrap();
        let process = Command::new(&self.program)
            .args(["-a", "127.0.0.1", "-p", port, "-sd"])
            .arg(dir.join("store"))
            .arg("--ports_file_dir")
            .arg(dir)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let ports = dir.join(format!("nats-server_{}.ports", process.id()));
        self.process = Some(process);
        self.port = within(async {
            loop {
                if let Some(port) = port_in(&ports) {
                    return port;
                }
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Has other arguments from the next start on.
    pub(crate) fn set_arguments(&mut self, arguments: &[&str]) {
        self.arguments = owned(arguments);
    }

    /// Kills the server as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().copied().map(str::to_owned).collect()
}

/// Reads the port from the file that the server writes once it listens.
fn port_in(ports: &Path) -> Option<u16> {
    let text = fs::read_to_string(ports).ok()?;
    let (_, rest) = text.split_once("://")?;
    let (_, port) = rest.split('"').next()?.rsplit_once(':')?;
    port.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "the environment of the test run")]
fn program() -> Option<String> {
    if std::env::var("TEST_NATS_URL").is_err() {
        assert!(std::env::var("CI").is_err(), "CI must set TEST_NATS_URL");
        eprintln!("skipped on NATS: TEST_NATS_URL is not set");
        return None;
    }
    Some(std::env::var("TEST_NATS_SERVER").unwrap_or_else(|_| "nats-server".to_owned()))
}
