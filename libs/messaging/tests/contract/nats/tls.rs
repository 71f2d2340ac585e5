use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use messaging::{Config, Filter, Message, NatsFile, NatsTls, install_crypto};
use model::ErrorKind;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::setup::refusal;
use crate::sample::{Sample, expect, next, publish};
use crate::server::Server;
use crate::world::{World, within};

/// The certificates of one CA.
struct Certificates(TempDir);

impl Certificates {
    fn make() -> Self {
        let dir = TempDir::new().unwrap();
        for target in ["nats_cert", "service_cert"] {
            let made = Command::new("make")
                .args(["--no-print-directory", "-s", "-C"])
                .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ssl"))
                .arg(format!("CRT_LOCATION={}", dir.path().display()))
                .arg(target)
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        Self(dir)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the files of a client that trusts this CA and has a certificate of it.
    fn client(&self) -> NatsTls {
        NatsTls {
            client_cert: Some(self.file("service-things.crt")),
            client_key: Some(self.file("service-things.key")),
            ..self.trust()
        }
    }

    /// Returns the files of a client that trusts this CA and has no certificate.
    fn trust(&self) -> NatsTls {
        NatsTls {
            ca_certs: Some(self.file("ca.crt")),
            ..NatsTls::default()
        }
    }

    /// Starts a server that has a certificate of this CA and demands one.
    async fn server(&self) -> Option<Server> {
        install_crypto();
        Server::start(&strs(&self.arguments())).await
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-js".to_owned(), "--tlsverify".to_owned()];
        for (flag, file) in [
            ("--tlscert", "nats.crt"),
            ("--tlskey", "nats.key"),
            ("--tlscacert", "ca.crt"),
        ] {
            arguments.push(format!("{flag}={}", self.file(file).display()));
        }
        arguments
    }
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn with(world: &World, nats_tls: NatsTls) -> Config {
    Config {
        nats_tls,
        ..world.config()
    }
}

#[tokio::test]
async fn mutual_tls_carries_messages_and_the_url_alone_does_not_decide() {
    let certificates = Certificates::make();
    let Some(server) = certificates.server().await else {
        return;
    };
    let world = World::on(server);
    let nats = with(&world, certificates.client());
    let tls = Config {
        nats_url: nats
            .nats_url
            .as_ref()
            .map(|url| url.replace("nats:", "tls:")),
        ..nats.clone()
    };
    for (config, numbers) in [(nats, 0..3), (tls, 3..6)] {
        let process = World::open_with(&config).await;
        let bus = &process.buses.messages;
        let mut consumer = bus.consumer("c", Filter::All).await.unwrap();
        publish(bus, numbers.clone()).await;
        for seq in expect(&mut consumer, numbers).await {
            consumer.ack(seq);
        }
        drop(consumer);
        process.stop().await;
    }
}

#[tokio::test]
async fn each_reason_for_no_tls_is_told() {
    let (ours, foreign) = (Certificates::make(), Certificates::make());
    let Some(server) = ours.server().await else {
        return;
    };
    let world = World::on(server);
    let mixed = |ca: &Certificates, client: &Certificates| NatsTls {
        ca_certs: Some(ca.file("ca.crt")),
        ..client.client()
    };
    for (files, told) in [
        (ours.trust(), "MF_NATS_CLIENT_CERT"),
        (mixed(&ours, &foreign), "MF_NATS_CLIENT_CERT"),
        (mixed(&foreign, &ours), "MF_NATS_CA_CERTS"),
        (NatsTls::default(), "tls://"),
    ] {
        let error = refusal(&with(&world, files.clone())).await;
        assert_eq!(error.kind, ErrorKind::Conflict, "{files:?}: {error}");
        assert!(error.message.contains(told), "{files:?}: {error}");
    }
}

#[tokio::test]
async fn a_server_by_another_name_is_refused() {
    let certificates = Certificates::make();
    install_crypto();
    let mut arguments = certificates.arguments();
    arguments.push("--addr=127.0.0.2".to_owned());
    let Some(server) = Server::start(&strs(&arguments)).await else {
        return;
    };
    let address = server.address().replace("127.0.0.1", "127.0.0.2");
    let config = Config {
        nats_url: Some(format!("tls://{address}")),
        nats_tls: certificates.client(),
        ..World::in_process().config()
    };
    let error = refusal(&config).await;
    assert!(error.message.contains("MF_NATS_URL must call"), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    install_crypto();
    let certificates = Certificates::make();
    let Some(world) = World::on_nats().await else {
        return;
    };
    let tls = Config {
        nats_url: Some(format!(
            "tls://{}",
            world.server.as_ref().unwrap().address()
        )),
        ..world.config()
    };
    for config in [tls, with(&world, certificates.trust())] {
        let error = refusal(&config).await;
        assert!(error.message.contains("has no TLS"), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_to_a_server_that_only_says_it_has_tls() {
    install_crypto();
    let certificates = Certificates::make();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config {
        nats_url: Some(format!(
            "nats://user:hunter2@{}",
            listener.local_addr().unwrap()
        )),
        nats_tls: certificates.trust(),
        ..World::in_process().config()
    };
    let mut received = Vec::new();
    let serving = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let greeting = b"INFO {\"version\":\"2.9.10\",\"tls_available\":true}\r\n";
            stream.write_all(greeting).await.unwrap();
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap_or(0);
            received.push(bytes[..length].to_vec());
            drop(stream.write_all(b"PONG\r\n").await);
        }
    };
    let error = tokio::select! {
        error = refusal(&config) => error,
        () = serving => unreachable!(),
    };
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    received.retain(|bytes| !bytes.is_empty());
    // A handshake record is all there is.
    assert!(!received.is_empty() && received.iter().all(|bytes| bytes[0] == 22));
}

#[tokio::test]
async fn a_reconnect_reads_the_files_again_and_never_does_without_tls() {
    let (first, second) = (Certificates::make(), Certificates::make());
    let Some(server) = first.server().await else {
        return;
    };
    let mut world = World::on(server);
    let process = World::open_with(&with(&world, first.client())).await;
    let bus = &process.buses.messages;
    let mut consumer = bus.consumer("c", Filter::All).await.unwrap();

    world.restart_with(&["-js"]).await;
    let server = world.server.as_ref().unwrap();
    let error = within(bus.publish(Arc::new(Message::make(1, 0)))).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unavailable);
    let plain = async_nats::connect(server.address()).await.unwrap();
    let stream = async_nats::jetstream::new(plain)
        .get_stream("MESSAGES")
        .await;
    assert_eq!(stream.unwrap().cached_info().state.last_sequence, 0);

    for name in ["ca.crt", "service-things.crt", "service-things.key"] {
        fs::copy(second.file(name), first.file(name)).unwrap();
    }
    world.restart_with(&strs(&second.arguments())).await;
    within(async {
        while bus.publish(Arc::new(Message::make(2, 0))).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // The first may have waited for this connection.
    while next(&mut consumer).await.record.number() != 2 {}
    process.stop().await;
}

#[test]
fn files_that_cannot_be_used_are_named_and_not_quoted() {
    let (ours, other) = (Certificates::make(), Certificates::make());
    let good = ours.client();
    assert_eq!(good.check(), []);
    let key = fs::read_to_string(ours.file("service-things.key")).unwrap();
    let (empty, broken) = (ours.file("empty"), ours.file("broken"));
    fs::write(&empty, "").unwrap();
    fs::write(&broken, key.replace('\n', " ")).unwrap();
    let absent = Some(PathBuf::from("/nowhere"));
    let (empty, broken) = (Some(empty), Some(broken));
    let foreign = other.client().client_key;
    for (file, paths) in [
        (NatsFile::CaCerts, vec![&empty, &broken, &absent]),
        (NatsFile::ClientCert, vec![&None, &empty, &broken, &absent]),
        (
            NatsFile::ClientKey,
            vec![&None, &empty, &broken, &absent, &foreign],
        ),
    ] {
        for path in paths {
            let mut files = good.clone();
            match file {
                NatsFile::CaCerts => files.ca_certs.clone_from(path),
                NatsFile::ClientCert => files.client_cert.clone_from(path),
                NatsFile::ClientKey => files.client_key.clone_from(path),
            }
            let problems = files.check();
            let [(found, text)] = &problems[..] else {
                panic!("{files:?}: {problems:?}");
            };
            assert_eq!(*found, file, "{text}");
            let secret = key.lines().nth(1).unwrap();
            assert!(!format!("{text}{files:?}").contains(secret));
        }
    }
}
