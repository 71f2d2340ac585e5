//! The examples do what they are for, and each says in its first line whether it is run here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use e2e::{Platform, Shape};
use tempfile::TempDir;
use tokio::process::Command;

use crate::certificates::{Certificates, finish};
use crate::clients::{Client, message, python, repository, subscribe};
use crate::mtls::Secure;
use crate::stage::Stage;

/// What the examples publish.
const PAYLOAD: &str = r#"[{"n":"temperature","u":"Cel","v":21.5}]"#;

/// What devices do.
const DEVICES: [&str; 13] = [
    "go/echo_mqtt.go",
    "go/echo_websocket.go",
    "go/publish_http.go",
    "java/EchoWebSocket.java",
    "java/PublishHttp.java",
    "javascript/echo_mqtt.js",
    "javascript/echo_websocket.js",
    "javascript/publish_http.js",
    "python/echo_mqtt.py",
    "python/echo_websocket.py",
    "python/publish_http.py",
    "ruby/echo_websocket.rb",
    "ruby/publish_http.rb",
];

/// What devices do with the tools of a shell.
const SHELL: [&str; 2] = ["shell/echo_mqtt.sh", "shell/publish_http.sh"];

/// What only looks.
const LOOKS: [&str; 1] = ["shell/show_tls.sh"];

/// What backends do.
const BACKENDS: [&str; 3] = [
    "go/consume_nats.go",
    "javascript/consume_nats.js",
    "python/consume_nats.py",
];

/// What the others are compiled with.
const SHARED: [&str; 2] = ["go/tls.go", "java/Tls.java"];

/// Examples ready to be run: what has to be compiled is, and libraries are where they are looked for.
struct Workshop(TempDir);

impl Workshop {
    async fn open() -> anyhow::Result<Self> {
        let workshop = Self(tempfile::tempdir()?);
        let proto = repository().join("proto/mainflux");
        let mut generate = Command::new("protoc");
        generate.arg("-I").arg(proto).arg("message.proto");
        generate.arg("--python_out").arg(workshop.0.path());
        finish(&mut generate).await?;
        let mut compile = Command::new("javac");
        compile.arg("-d").arg(workshop.0.path());
        let java = DEVICES.iter().chain(&SHARED);
        compile.args(
            java.filter(|name| name.ends_with(".java"))
                .map(|name| source(name)),
        );
        finish(&mut compile).await?;
        // Node looks for packages beside the program.
        let packages = repository().join("target/node/node_modules");
        std::os::unix::fs::symlink(packages, workshop.0.path().join("node_modules"))?;
        for name in DEVICES.iter().chain(&BACKENDS) {
            if let Some(file) = name.strip_prefix("javascript/") {
                std::fs::copy(source(name), workshop.0.path().join(file))?;
            }
        }
        std::fs::write(
            workshop.0.path().join("package.json"),
            r#"{"type":"module"}"#,
        )?;
        Ok(workshop)
    }

    /// Returns the command for an example, compiled where it must be.
    async fn command(&self, name: &str) -> anyhow::Result<Command> {
        let file = Path::new(name);
        let stem = file.file_stem().context("a file has a name")?;
        let mut command;
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("go") => command = Command::new(self.go(name).await?),
            Some("java") => {
                command = Command::new("java");
                command.arg("-cp").arg(self.0.path()).arg(stem);
            }
            Some("js") => {
                command = Command::new("node");
                command.arg(self.0.path().join(stem).with_extension("js"));
                command.env("PROTO", repository().join("proto/mainflux/message.proto"));
            }
            Some("py") => {
                command = Command::new(python());
                command.arg(source(name)).env("PYTHONPATH", self.0.path());
            }
            Some("rb") => {
                command = Command::new("ruby");
                command.arg(source(name));
            }
            _ => {
                command = Command::new("sh");
                command.arg(source(name));
            }
        }
        for variable in ["KEY", "CERT_FILE", "KEY_FILE"] {
            command.env_remove(variable);
        }
        command.kill_on_drop(true).stdin(Stdio::null());
        Ok(command)
    }

    /// Compiles a Go example against the libraries of the distribution and returns the program.
    async fn go(&self, name: &str) -> anyhow::Result<PathBuf> {
        let program = self.0.path().join(name.replace(['/', '.'], "-"));
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&program);
        build.args([source(name), source("go/tls.go")]);
        build.env("GO111MODULE", "off");
        build.env("GOPATH", "/usr/share/gocode");
        finish(&mut build).await?;
        Ok(program)
    }
}

fn source(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}

/// Runs all that devices do, while somebody else is subscribed to the channel.
async fn devices(secure: &Secure, credentials: &[(&str, &str)]) -> anyhow::Result<()> {
    let Stage {
        platform, thing, ..
    } = &secure.stage;
    let topic = secure.stage.topic("");
    let more = secure.mosquitto("mine", "mqttv5");
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let mut other = subscribe(platform, &secure.keyless(), &topic, &more).await?;
    let mqtt = platform.address("mqtt")?;
    let (host, port) = mqtt.split_once(':').context("no port")?;
    let variables = [
        (
            "HTTP_URL",
            format!("https://{}", platform.address("http-adapter")?),
        ),
        (
            "WS_URL",
            format!("wss://{}", platform.address("ws-adapter")?),
        ),
        ("MQTT_HOST", host.to_owned()),
        ("MQTT_PORT", port.to_owned()),
        ("CHANNEL", secure.stage.channel.clone()),
        ("THING", thing.id.clone()),
        ("CA_FILE", secure.certificates.path("ca.crt")),
    ];
    let workshop = Workshop::open().await?;
    for name in DEVICES.iter().chain(&SHELL).chain(&LOOKS) {
        let mut command = workshop.command(name).await?;
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.envs(credentials.iter().copied());
        if LOOKS.contains(name) {
            // It verifies the name, and an address is none.
            command.env("MQTT_HOST", "localhost");
        }
        let output = finish(&mut command).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        if LOOKS.contains(name) {
            let told = String::from_utf8_lossy(&output.stderr);
            ensure!(told.contains("Verification: OK"), "{name}: {told}");
            continue;
        }
        let expected = if name.to_lowercase().contains("publish") {
            "published".to_owned()
        } else {
            format!("received {PAYLOAD}")
        };
        ensure!(text.trim() == expected, "{name} printed {text}");
        let received = message(&mut other).await?;
        ensure!(
            received == format!("{topic} {PAYLOAD}"),
            "{name}: {received}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_with_a_certificate() -> anyhow::Result<()> {
    let secure = Secure::set_with(Shape::Embedded, &[]).await?;
    secure.register("mine").await?;
    let [_, cert, key] = secure.files("mine");
    devices(&secure, &[("CERT_FILE", &cert), ("KEY_FILE", &key)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_with_a_key() -> anyhow::Result<()> {
    let optional = ["HTTP_ADAPTER", "WS_ADAPTER", "MQTT_ADAPTER"]
        .map(|listener| format!("MF_{listener}_TLS_CLIENT_AUTH"));
    let optional: Vec<_> = optional
        .iter()
        .map(|name| (name.as_str(), "optional"))
        .collect();
    let secure = Secure::set_with(Shape::Embedded, &optional).await?;
    secure.register("mine").await?;
    let key = secure.stage.thing.key.clone();
    devices(&secure, &[("KEY", &key)]).await
}

/// On a NATS server that takes services by their certificates, as in docs/guides/tls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_on_nats() -> anyhow::Result<()> {
    let certificates = Certificates::make().await?;
    certificates.run(&["nats_cert"]).await?;
    for service in ["things", "backend"] {
        let service = format!("SERVICE={service}");
        certificates.run(&["service_cert", &service]).await?;
    }
    let file = |name: &str| certificates.path(name);
    let (ca, cert, key) = (file("ca.crt"), file("nats.crt"), file("nats.key"));
    let server = [
        "--tlsverify",
        "--tlscacert",
        &ca,
        "--tlscert",
        &cert,
        "--tlskey",
        &key,
    ];
    let (own_cert, own_key) = (file("service-things.crt"), file("service-things.key"));
    let client = [
        ("MF_NATS_CA_CERTS", ca.as_str()),
        ("MF_NATS_CLIENT_CERT", &own_cert),
        ("MF_NATS_CLIENT_KEY", &own_key),
    ];
    let platform = Platform::start_on_nats(Shape::Separate, &client, &server).await?;
    let stage = Stage::on(platform).await?;
    let workshop = Workshop::open().await?;
    for name in BACKENDS {
        let mut command = workshop.command(name).await?;
        let url = stage.platform.nats_url()?.replace("nats://", "tls://");
        command.env("NATS_URL", url).env("CA_FILE", &ca);
        command.env("CERT_FILE", file("service-backend.crt"));
        command.env("KEY_FILE", file("service-backend.key"));
        let mut backend = Client::start(command)?;
        assert_eq!(backend.line().await?, "ready", "{name}");
        let path = format!("{}/messages", stage.channel);
        let status = stage.post(&stage.thing.key, &path, name, "text/plain");
        assert_eq!(status.await?, 202);
        let expected = format!("received {} {} http {name}", stage.channel, stage.thing.id);
        assert_eq!(backend.line().await?, expected, "{name}");
    }
    Ok(())
}

#[test]
fn every_example_says_whether_it_is_run() -> anyhow::Result<()> {
    let lists = [&DEVICES[..], &SHELL, &LOOKS, &BACKENDS, &SHARED];
    let run: BTreeSet<String> = lists.concat().iter().map(|&name| name.into()).collect();
    let mut says = BTreeSet::new();
    for language in std::fs::read_dir(repository().join("examples"))? {
        let language = language?.path();
        if !language.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&language)? {
            let file = file?.path();
            let name = file.strip_prefix(repository().join("examples"))?;
            let name = name.display().to_string();
            if name.ends_with(".json") || name.ends_with(".txt") {
                continue;
            }
            let text = std::fs::read_to_string(&file)?;
            let first = text.lines().next().unwrap_or_default();
            let first = first.trim_start_matches(['#', '/', ' ']);
            if first.starts_with("Run by the tests.") {
                says.insert(name);
            } else {
                ensure!(
                    first.starts_with("Not run by the tests, "),
                    "{name} does not say whether it is run: {first}"
                );
            }
        }
    }
    assert_eq!(says, run);
    Ok(())
}
