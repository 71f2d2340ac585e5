//! A CA that speaks ACME: pebble, with names that all lead to this machine.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::pki::Spec;
use crate::stage::{WORLD, soon};

/// How a CA is to behave.
pub(crate) struct Ca {
    /// Where it listens.
    pub(crate) port: u16,
    /// Where it checks names over TLS.
    pub(crate) tls_port: u16,
    /// Where it checks names over HTTP.
    pub(crate) http_port: u16,
    /// How long its certificates are good.
    pub(crate) life: Duration,
    /// The identifier and the key of the account it demands.
    pub(crate) external: Option<(&'static str, &'static str)>,
}

impl Default for Ca {
    fn default() -> Self {
        Self {
            port: free_port(),
            tls_port: 1,
            http_port: 1,
            life: Duration::from_secs(90 * 86_400),
            external: None,
        }
    }
}

/// A running CA, killed when dropped.
pub(crate) struct Pebble {
    _directory: TempDir,
    _names: Child,
    _pebble: Child,
}

impl Ca {
    /// Where an ACME client begins.
    pub(crate) fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&self) -> Pebble {
        let directory = tempfile::tempdir().unwrap();
        let config = self.write(directory.path());
        let names = format!("127.0.0.1:{}", free_port());
        let management = format!("127.0.0.1:{}", free_port());
        let resolver = start(
            "pebble-challtestsrv",
            &[
                ["-dns01", &names],
                ["-management", &management],
                ["-http01", ""],
                ["-https01", ""],
                ["-tlsalpn01", ""],
                ["-defaultIPv6", ""],
            ],
        );
        reached(&management).await;
        let pebble = start("pebble", &[["-config", &config], ["-dnsserver", &names]]);
        reached(&format!("127.0.0.1:{}", self.port)).await;
        Pebble {
            _directory: directory,
            _names: resolver,
            _pebble: pebble,
        }
    }

    fn write(&self, directory: &Path) -> String {
        let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let server = WORLD.root.issue(&Spec::server(&["IP:127.0.0.1"]));
        std::fs::write(path("server.crt"), server.pem()).unwrap();
        std::fs::write(path("server.key"), server.key_pem()).unwrap();
        let keys = self
            .external
            .map(|(id, key)| serde_json::json!({ id: key }));
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{}", self.port),
            "managementListenAddress": format!("127.0.0.1:{}", free_port()),
            "certificate": path("server.crt"),
            "privateKey": path("server.key"),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "certificateValidityPeriod": self.life.as_secs(),
            "externalAccountBindingRequired": keys.is_some(),
            "externalAccountMACKeys": keys,
        }});
        std::fs::write(path("config.json"), config.to_string()).unwrap();
        path("config.json")
    }
}

fn start(program: &str, arguments: &[[&str; 2]]) -> Child {
    let child = Command::new(program)
        .args(arguments.as_flattened())
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "5")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    child.unwrap_or_else(|error| {
        panic!("{program} does not start ({error}): run scripts/install-test-tools.sh")
    })
}

async fn reached(address: &str) {
    soon(async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
