use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::until;

/// A nats-server with JetStream of a test's own.
pub(crate) struct Nats {
    child: Option<Child>,
    store: PathBuf,
    port: u16,
    more: Vec<String>,
}

impl Nats {
    /// Starts a server that keeps its streams in `store`, with further arguments.
    pub(crate) async fn start(store: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut nats = Self {
            child: None,
            store: store.to_owned(),
            port,
            more: more.iter().map(|&argument| argument.to_owned()).collect(),
        };
        nats.restart().await?;
        Ok(nats)
    }

    /// Returns the URL clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server if it runs.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Kills the server if it runs, and starts it again on the same port and store.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill().await?;
        let child = Command::new("nats-server")
            .args([
                "--addr",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--jetstream",
                "--store_dir",
            ])
            .arg(&self.store)
            .args(&self.more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start nats-server")?;
        self.child = Some(child);
        let port = self.port;
        until("nats-server to accept connections", || async move {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await?;
        Ok(())
    }
}
