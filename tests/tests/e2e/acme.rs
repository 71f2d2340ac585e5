//! A certificate from a CA for the front: nothing but three variables, and curl believes it.

use std::net::TcpListener;
use std::process::Stdio;

use anyhow::Context;
use e2e::{Platform, Role, Shape, curl, until};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::certificates::Certificates;

const HOST: &str = "iot.example";

/// pebble, a CA for tests, with names that all lead to this machine.
struct Ca {
    certificates: Certificates,
    directory: TempDir,
    port: u16,
    management: u16,
    running: Vec<Child>,
}

impl Ca {
    /// Starts it; it checks names at these ports.
    async fn start(tls_port: u16, http_port: u16) -> anyhow::Result<Self> {
        let certificates = Certificates::make().await?;
        let directory = tempfile::tempdir()?;
        let (port, management, names) = (free_port()?, free_port()?, free_port()?);
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": certificates.path("mainflux-server.crt"),
            "privateKey": certificates.path("mainflux-server.key"),
            "httpPort": http_port,
            "tlsPort": tls_port,
        }});
        let path = directory.path().join("pebble.json");
        std::fs::write(&path, config.to_string())?;
        let names = format!("127.0.0.1:{names}");
        let dns = format!(
            "-dns01 {names} -management 127.0.0.1:{} -http01= -https01= -tlsalpn01= -defaultIPv6=",
            free_port()?
        );
        let config = format!("-config {} -dnsserver {names}", path.display());
        let running = vec![run("pebble-challtestsrv", &dns)?, run("pebble", &config)?];
        for port in [port, management] {
            until("the CA to listen", || async move {
                TcpStream::connect(("127.0.0.1", port)).await.ok()
            })
            .await?;
        }
        Ok(Self {
            certificates,
            directory,
            port,
            management,
            running,
        })
    }

    /// Returns the file with the root below which it issues, which is new each time it starts.
    async fn root(&self) -> anyhow::Result<String> {
        let url = format!("https://localhost:{}/roots/0", self.management);
        let ca = self.certificates.path("ca.crt");
        let root = curl(&["--cacert", &ca, &url]).await?;
        let path = self.directory.path().join("root.pem");
        std::fs::write(&path, root.body)?;
        Ok(path.display().to_string())
    }
}

fn run(program: &str, arguments: &str) -> anyhow::Result<Child> {
    Command::new(program)
        .args(arguments.split(' '))
        .env("PEBBLE_VA_NOSLEEP", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{program} is missing: run scripts/install-test-tools.sh"))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts a platform whose front has its certificate from the CA.
async fn platform(ca: &Ca, front: u16, more: &[(&str, &str)]) -> anyhow::Result<Platform> {
    let (front, cache) = (front.to_string(), ca.directory.path().join("cache"));
    let url = format!("https://localhost:{}/dir", ca.port);
    let root = ca.certificates.path("ca.crt");
    let cache = cache.display().to_string();
    let mut variables = vec![
        ("MF_FRONT_PORT", front.as_str()),
        ("MF_FRONT_TLS_AUTOCERT", "true"),
        ("MF_FRONT_TLS_AUTOCERT_HOST_WHITELIST", HOST),
        ("MF_TLS_AUTOCERT_CACHE_DIR", &cache),
        ("MF_TLS_AUTOCERT_DIRECTORY_URL", &url),
        ("MF_TLS_AUTOCERT_CA_PEM_FILE", &root),
    ];
    variables.extend_from_slice(more);
    Platform::start_with(Shape::Embedded, &variables).await
}

/// Waits until somebody who trusts the CA gets an answer from the front by its name.
async fn reached(platform: &Platform, root: &str, protocol: &str) -> anyhow::Result<()> {
    let address = platform.address("front")?;
    let (_, port) = address.rsplit_once(':').context("no port")?;
    let resolve = format!("{HOST}:{port}:127.0.0.1");
    let url = format!("https://{HOST}:{port}/health/ready");
    let arguments = ["--cacert", root, "--resolve", &resolve, protocol, &url];
    until("the front to have its certificate", || async {
        let reply = curl(&arguments).await.ok()?;
        (reply.status == 200).then_some(())
    })
    .await
    .with_context(|| platform.log())
}

#[tokio::test]
async fn the_front_gets_its_certificate_over_tls_and_keeps_it() -> anyhow::Result<()> {
    let front = free_port()?;
    let mut ca = Ca::start(front, 1).await?;
    let root = ca.root().await?;
    let mut platform = platform(&ca, front, &[]).await?;
    reached(&platform, &root, "--http2").await?;
    // The CA is gone with its accounts, and the certificate is not.
    ca.running.clear();
    platform.terminate(Role::All).await?;
    platform.restart(Role::All).await?;
    reached(&platform, &root, "--http1.1").await
}

#[tokio::test]
async fn the_front_gets_its_certificate_over_http() -> anyhow::Result<()> {
    let (front, http) = (free_port()?, free_port()?);
    let ca = Ca::start(1, http).await?;
    let root = ca.root().await?;
    let address = format!("127.0.0.1:{http}");
    let more = [
        ("MF_FRONT_TLS_AUTOCERT_HTTP", "true"),
        ("MF_FRONT_TLS_AUTOCERT_HTTP_ADDR", address.as_str()),
    ];
    let platform = platform(&ca, front, &more).await?;
    reached(&platform, &root, "--http2").await?;
    let url = format!(
        "http://{}/.well-known/acme-challenge/",
        platform.address("acme-http")?
    );
    for strange in ["unknown", "../../health", "%2e%2e%2fhealth"] {
        let reply = curl(&[&format!("{url}{strange}")]).await?;
        anyhow::ensure!(reply.status == 404, "{strange}: {reply:?}");
    }
    Ok(())
}
