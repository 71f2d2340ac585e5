//! A client that is not ours and not our library: `openssl s_client` of the system.

use std::path::Path;
use std::process::Stdio;

use tls::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::pki::{Issued, Spec};
use crate::stage::{WORLD, mutual, soon};

/// What the client printed, and the listener's reason to refuse it.
pub(crate) struct Visit {
    pub(crate) printed: String,
    pub(crate) refused: Option<&'static str>,
}

/// Runs the client against a listener that says a word and goes.
pub(crate) async fn visit(
    acceptor: &Acceptor,
    directory: &Path,
    client: &Issued,
    more: &[&str],
) -> Visit {
    s_client_says(acceptor, directory, client, more, "").await
}

async fn s_client(acceptor: &Acceptor, directory: &Path, client: &Issued, more: &[&str]) -> String {
    visit(acceptor, directory, client, more).await.printed
}

/// The same, with something to say: then the listener only listens, until the client goes.
async fn s_client_says(
    acceptor: &Acceptor,
    directory: &Path,
    client: &Issued,
    more: &[&str],
    input: &str,
) -> Visit {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (acceptor, waits) = (acceptor.clone(), !input.is_empty());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (io, peer) = listener.accept().await.unwrap();
        let mut accepted = match acceptor.accept(io, peer).await {
            Ok(accepted) => accepted,
            Err(refused) => return Some(refused.reason.as_str()),
        };
        if waits {
            let _ = accepted.io.read_to_end(&mut Vec::new()).await;
        } else {
            let _ = accepted.io.write_all(b"welcome\n").await;
        }
        let _ = accepted.io.shutdown().await;
        None
    });
    let file = |name: &str, text: String| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = file("ca.crt", WORLD.root.cert_pem());
    let cert = file("client.crt", client.pem());
    let key = file("client.key", client.key_pem());
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &address, "-servername", "localhost"])
        .args([
            "-CAfile",
            &ca,
            "-cert",
            &cert,
            "-cert_chain",
            &cert,
            "-key",
            &key,
        ])
        .args(["-verify_return_error"])
        .args(more)
        .stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It would leave when its input ends: the other side has to go first.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    let output = soon(child.wait_with_output()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Visit {
        printed: text(&output.stdout) + &text(&output.stderr),
        refused: soon(tasks.join_next()).await.unwrap().unwrap(),
    }
}

#[tokio::test]
async fn good_and_bad_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let acceptor = mutual(&[]);
    let issue = |change: fn(&mut Spec)| {
        let mut spec = Spec::client();
        change(&mut spec);
        WORLD.intermediate.issue(&spec)
    };
    for (case, client, version, expected) in [
        ("good", WORLD.client.clone(), "-tls1_3", "welcome"),
        ("good, TLS 1.2", WORLD.client.clone(), "-tls1_2", "welcome"),
        (
            "expired",
            issue(|c| c.days = (-9, -1)),
            "-tls1_3",
            "alert certificate expired",
        ),
        (
            "expired, TLS 1.2",
            issue(|c| c.days = (-9, -1)),
            "-tls1_2",
            "alert certificate expired",
        ),
        (
            "no use stated",
            issue(|c| c.uses = vec![]),
            "-tls1_3",
            "alert unsupported certificate",
        ),
        (
            "of a stranger",
            WORLD.stranger.issue(&Spec::client()),
            "-tls1_3",
            "alert unknown ca",
        ),
    ] {
        let output = s_client(&acceptor, directory.path(), &client, &[version]).await;
        assert!(output.contains(expected), "{case}: {output}");
    }
    let crl = WORLD.root.crl(&[], 9) + &WORLD.intermediate.crl(&[&WORLD.client], 9);
    let acceptor = mutual(&[("CRL_PEM", &crl)]);
    let output = s_client(&acceptor, directory.path(), &WORLD.client, &["-tls1_3"]).await;
    assert!(output.contains("alert certificate revoked"), "{output}");
}

#[tokio::test]
async fn sessions_are_resumed_only_where_tickets_are_on() {
    let directory = tempfile::tempdir().unwrap();
    for (tickets, resumed) in [("auto", false), ("off", false), ("on", true)] {
        for version in ["-tls1_2", "-tls1_3"] {
            let session = directory.path().join(format!("{tickets}{version}"));
            let path = session.to_str().unwrap();
            let fields = [("SESSION_TICKETS", tickets)];
            let acceptor = mutual(&fields);
            let talk = async |acceptor: &Acceptor, option: &str| {
                let args = [version, option, path];
                let output = s_client(acceptor, directory.path(), &WORLD.client, &args).await;
                assert!(
                    output.contains("welcome"),
                    "{tickets} {version} {option}: {output}"
                );
                output.contains("Reused, TLS")
            };
            assert!(!talk(&acceptor, "-sess_out").await);
            if !session.exists() {
                assert!(!resumed, "{tickets} {version}: the client got no session");
                continue;
            }
            assert_eq!(
                talk(&acceptor, "-sess_in").await,
                resumed,
                "{tickets} {version}"
            );
            // To another generation the session is nothing.
            let next = mutual(&fields);
            assert!(!talk(&next, "-sess_in").await, "{tickets} {version}");
        }
    }
}

#[tokio::test]
async fn renegotiation_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let acceptor = mutual(&[]);
    let path = directory.path();
    let input = "R\n".repeat(1000);
    let visit = s_client_says(&acceptor, path, &WORLD.client, &["-tls1_2"], &input).await;
    let output = visit.printed;
    assert!(output.contains("RENEGOTIATING"), "{output}");
    assert!(output.contains("no renegotiation"), "{output}");
}
