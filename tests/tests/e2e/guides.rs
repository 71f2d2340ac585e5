//! The files of docs/guides: those for NGINX, as they are but for ports and paths, in a real one in front of the platform.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};
use e2e::{Platform, Shape, curl, ferroflux, until};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::certificates::{Certificates, finish};
use crate::clients::{publish, python, repository, secure_websocket};
use crate::stage::Stage;

/// What the Python examples publish.
const PAYLOAD: &str = r#"[{"n":"temperature","u":"Cel","v":21.5}]"#;

/// A platform behind NGINX.
struct Proxied {
    stage: Stage,
    certificates: Certificates,
    https: u16,
    mqtts: u16,
    _nginx: (Child, TempDir),
}

impl Proxied {
    /// Starts both; the variables of the guide that begin with `without` are left out.
    async fn start(mqtts: &str, without: &[&str]) -> anyhow::Result<Self> {
        let certificates = Certificates::make().await?;
        certificates.thing("mine").await?;
        let variables = variables("nginx/embedded.env", "", &certificates).await?;
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !without.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        let platform = Platform::start_with(Shape::Embedded, &variables).await?;
        let stage = Stage::on(platform).await?;
        let ports = (free_port()?, free_port()?);
        let nginx = nginx(&stage.platform, &certificates, mqtts, ports).await?;
        Ok(Self {
            stage,
            certificates,
            https: ports.0,
            mqtts: ports.1,
            _nginx: nginx,
        })
    }

    /// Runs a Python example through NGINX and returns what it printed.
    async fn example(&self, name: &str, credentials: &[(&str, &str)]) -> anyhow::Result<String> {
        let mut command = Command::new(python());
        command.arg(repository().join("examples/python").join(name));
        command.env("HTTP_URL", self.url("https", "/http"));
        command.env("MQTT_HOST", "127.0.0.1");
        command.env("MQTT_PORT", self.mqtts.to_string());
        command.env("CHANNEL", &self.stage.channel);
        command.env("THING", &self.stage.thing.id);
        command.env("CA_FILE", self.certificates.path("ca.crt"));
        command.envs(credentials.iter().copied());
        let output = finish(&mut command).await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.https)
    }

    fn messages(&self) -> String {
        format!("/channels/{}/messages", self.stage.channel)
    }

    /// Registers the certificate for the thing and returns its path.
    async fn register(&self) -> anyhow::Result<String> {
        let pem = std::fs::read_to_string(self.certificates.path("mine.crt"))?;
        let path = format!("/things/{}/certs", self.stage.thing.id);
        let body = Some(json!({ "pem": pem }));
        let reply = self.stage.account.things("POST", &path, body).await?;
        Ok(format!("{path}/{}", reply.created_id()?))
    }
}

/// Returns the variables that a file of the guides sets.
async fn variables(
    file: &str,
    role: &str,
    certificates: &Certificates,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"set -a; . "$0"; env"#]);
    command.arg(guides().join(file)).current_dir(repository());
    command
        .env("CERTS", certificates.path(""))
        .env("ROLE", role);
    let output = finish(&mut command).await?;
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().filter(|line| line.starts_with("MF_"));
    let pairs = lines.filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect())
}

fn guides() -> PathBuf {
    repository().join("docs/guides")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts NGINX with the files of the guide and waits until it listens.
async fn nginx(
    platform: &Platform,
    certificates: &Certificates,
    mqtts: &str,
    (https_port, mqtts_port): (u16, u16),
) -> anyhow::Result<(Child, TempDir)> {
    let here = [
        ("/etc/nginx/tls/", certificates.path("")),
        ("listen 443", format!("listen 127.0.0.1:{https_port}")),
        ("listen 8883", format!("listen 127.0.0.1:{mqtts_port}")),
        ("127.0.0.1:8080", platform.address("front")?),
        ("127.0.0.1:1883", platform.address("mqtt")?),
    ];
    let adapted = |file: &str| -> anyhow::Result<String> {
        let text = std::fs::read_to_string(guides().join("nginx").join(file))?;
        Ok(here
            .iter()
            .fold(text, |text, (from, to)| text.replace(from, to)))
    };
    let (stream, http) = (adapted(mqtts)?, adapted("https.conf")?);
    let dir = tempfile::tempdir()?;
    let path = dir.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {path}/{kind};\n"))
        .collect();
    let text = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n\
         daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log stderr;\nevents {{}}\n\
         {stream}\nhttp {{\naccess_log off;\n{temporary}{http}\n}}\n"
    );
    let config = dir.path().join("nginx.conf");
    std::fs::write(&config, text)?;
    let child = Command::new("nginx")
        .args(["-e", "stderr", "-c"])
        .arg(&config)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start nginx: scripts/install-test-tools.sh installs it")?;
    for port in [https_port, mqtts_port] {
        until("NGINX to listen", || async move {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await?;
    }
    Ok((child, dir))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_get_through_nginx() -> anyhow::Result<()> {
    let proxied = Proxied::start("mqtts.conf", &[]).await?;
    let registered = proxied.register().await?;
    let file = |name: &str| proxied.certificates.path(name);
    let (cert, key) = (file("mine.crt"), file("mine.key"));
    let credentials = [("CERT_FILE", cert.as_str()), ("KEY_FILE", &key)];
    let url = proxied.url("https", &format!("/ws{}", proxied.messages()));
    let mut socket = secure_websocket(&url, &proxied.certificates, "mine").await?;
    assert_eq!(socket.line().await?, "open");
    let told = proxied.example("publish_http.py", &credentials).await?;
    assert_eq!(told, "published");
    assert_eq!(socket.line().await?, format!("text {PAYLOAD}"));
    let told = proxied.example("echo_mqtt.py", &credentials).await?;
    assert_eq!(told, format!("received {PAYLOAD}"));
    assert_eq!(socket.line().await?, format!("text {PAYLOAD}"));

    let (account, path) = (&proxied.stage.account, format!("{registered}/revoke"));
    assert_eq!(account.things("POST", &path, None).await?.status, 200);
    let closed = socket.line_after("closed ").await?;
    ensure!(closed.starts_with("3003"), "closed with {closed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_headers_do_not_get_through() -> anyhow::Result<()> {
    let proxied = Proxied::start("mqtts.conf", &[]).await?;
    proxied.register().await?;
    let pem = std::fs::read_to_string(proxied.certificates.path("mine.crt"))?;
    let header = format!(
        "Client-Cert: {}",
        pem.replace('\n', "%0A").replace('+', "%2B")
    );
    let path = format!("/http{}", proxied.messages());
    let direct = format!("{}{path}", proxied.stage.platform.url("front")?);
    // What the header says is good, from the address of NGINX.
    let reply = curl(&["-H", &header, "-d", "x", &direct]).await?;
    assert_eq!(reply.status, 202, "{reply:?}");
    let elsewhere = [
        "--interface",
        "127.0.0.3",
        "-H",
        &header,
        "-d",
        "x",
        &direct,
    ];
    let reply = curl(&elsewhere).await?;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json()["code"], "forwarded_certificate_untrusted");
    // NGINX puts what it has verified in its place, which is nothing.
    let ca = proxied.certificates.path("ca.crt");
    let url = proxied.url("https", &path);
    let reply = curl(&["--http1.1", "--cacert", &ca, "-H", &header, "-d", "x", &url]).await?;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json()["code"], "credentials_missing");
    // Past NGINX, MQTT lacks the header that says who connects.
    let Stage {
        platform, thing, ..
    } = &proxied.stage;
    let topic = proxied.stage.topic("");
    let (cert, key) = (
        proxied.certificates.path("mine.crt"),
        proxied.certificates.path("mine.key"),
    );
    let files = ["--cafile", &ca, "--cert", &cert, "--key", &key];
    ensure!(publish(platform, thing, &topic, "x", &files).await? != 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_ends_mqtts_for_keys() -> anyhow::Result<()> {
    let files =
        ["CERT", "KEY", "CLIENT_CA"].map(|part| format!("MF_MQTT_ADAPTER_MQTT_TLS_{part}_"));
    let files = files.each_ref().map(String::as_str);
    let proxied = Proxied::start("mqtts-terminated.conf", &files).await?;
    let key = proxied.stage.thing.key.clone();
    for example in ["publish_http.py", "echo_mqtt.py"] {
        let told = proxied.example(example, &[("KEY", &key)]).await?;
        ensure!(
            ["published", &format!("received {PAYLOAD}")].contains(&told.as_str()),
            "{told}"
        );
    }
    Ok(())
}

/// What the page about TLS gives each role to read; it is walked by hand, this is so that no name goes stale.
#[tokio::test]
async fn mutual_tls_on_every_hop_is_a_good_configuration() -> anyhow::Result<()> {
    let certificates = Certificates::make().await?;
    certificates.run(&["service_certs"]).await?;
    let secrets = [
        ("MF_USERS_SECRET", "of the tests"),
        ("MF_THINGS_SECRET", "of the tests"),
    ];
    let separate = [
        "users",
        "things",
        "http-adapter",
        "ws-adapter",
        "mqtt-adapter",
        "writer",
        "reader",
    ];
    let mut runs: Vec<(&str, &str)> = vec![("tls/embedded.env", ""), ("nginx/embedded.env", "")];
    runs.extend(separate.map(|role| ("tls/separate.env", role)));
    for (file, role) in runs {
        let set = variables(file, role, &certificates).await?;
        let set = set
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let set: Vec<_> = set.chain(secrets).collect();
        let role = Some(role).filter(|role| !role.is_empty());
        let arguments: Vec<&str> = ["run", "--check"].into_iter().chain(role).collect();
        let output = ferroflux(&arguments, &set).await?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{file} {role:?}: {told}");
        ensure!(
            !told.contains("is not read by anything"),
            "{file} {role:?}: {told}"
        );
    }
    Ok(())
}
