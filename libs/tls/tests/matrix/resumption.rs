//! Resumed sessions, by a client that is not ours: a ticket proves nothing that is no longer true.

use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use tls::{Acceptor, Reloaded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::foreign::{Visit, visit};
use crate::pki::{Issued, Spec};
use crate::reload::{open, write};
use crate::stage::{WORLD, connector, meet, mutual, poll_once, sockets, soon};

/// Visits once to get a ticket, and shows that it is one.
async fn ticket(acceptor: &Acceptor, directory: &Path, client: &Issued, version: &str) {
    let path = directory.join(format!("session{version}"));
    let file = path.to_str().unwrap();
    let first = visit(acceptor, directory, client, &[version, "-sess_out", file]).await;
    assert!(first.printed.contains("welcome"), "{}", first.printed);
    let again = resume(acceptor, directory, client, version).await;
    assert!(again.printed.contains("Reused, TLS"), "{}", again.printed);
}

async fn resume(acceptor: &Acceptor, directory: &Path, client: &Issued, version: &str) -> Visit {
    let path = directory.join(format!("session{version}"));
    let file = path.to_str().unwrap();
    visit(acceptor, directory, client, &[version, "-sess_in", file]).await
}

/// Row 38: OpenSSL itself would resume.
#[tokio::test]
async fn an_expired_certificate_resumes_nothing() {
    for version in ["-tls1_2", "-tls1_3"] {
        let directory = tempfile::tempdir().unwrap();
        let acceptor = mutual(&[("SESSION_TICKETS", "on")]);
        let spec = Spec {
            seconds: Some(4),
            ..Spec::client()
        };
        let (client, end) = (
            WORLD.intermediate.issue(&spec),
            SystemTime::now() + Duration::from_secs(5),
        );
        ticket(&acceptor, directory.path(), &client, version).await;
        soon(async {
            while let Ok(rest) = end.duration_since(SystemTime::now()) {
                tokio::time::sleep(rest).await;
            }
        })
        .await;
        let late = resume(&acceptor, directory.path(), &client, version).await;
        assert_eq!(late.refused, Some("expired"), "{version}: {}", late.printed);
        assert!(!late.printed.contains("welcome"), "{}", late.printed);
    }
}

/// Row 39.
#[tokio::test]
async fn a_ticket_ends_with_the_lists_it_was_made_under() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let spec = Spec::server(&["localhost"]);
    write(path, &WORLD.intermediate.issue(&spec));
    let lists = |revoked: &[&Issued]| {
        let text = WORLD.root.crl(&[], 9) + &WORLD.intermediate.crl(revoked, 9);
        std::fs::write(path.join("ca.crl"), text).unwrap();
    };
    lists(&[]);
    let (ca, crl) = (WORLD.root.cert_pem(), path.join("ca.crl"));
    let acceptor = open(
        path,
        &[
            ("CLIENT_CA_PEM", &ca),
            ("CRL_FILE", crl.to_str().unwrap()),
            ("SESSION_TICKETS", "on"),
        ],
    );
    ticket(&acceptor, path, &WORLD.client, "-tls1_3").await;
    lists(&[&WORLD.client]);
    let swapped = acceptor.tls().unwrap().reload().unwrap();
    assert_eq!(swapped, Reloaded::Swapped(2));
    let late = resume(&acceptor, path, &WORLD.client, "-tls1_3").await;
    assert_eq!(late.refused, Some("revoked"), "{}", late.printed);
}

/// Row 79, for what a reload can take away: who is no longer good goes, everybody else stays.
#[tokio::test]
async fn a_connection_ends_with_the_list_that_revokes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let issuer = &WORLD.intermediate;
    write(path, &issuer.issue(&Spec::server(&["localhost"])));
    let lists = |revoked: &[&Issued]| {
        let text = WORLD.root.crl(&[], 9) + &issuer.crl(revoked, 9);
        std::fs::write(path.join("ca.crl"), text).unwrap();
    };
    lists(&[]);
    let (ca, crl) = (WORLD.root.cert_pem(), path.join("ca.crl"));
    let crl = crl.to_str().unwrap();
    let acceptor = open(path, &[("CLIENT_CA_PEM", &ca), ("CRL_FILE", crl)]);
    let (bad, good) = (issuer.issue(&Spec::client()), issuer.issue(&Spec::client()));
    let mut connections = Vec::new();
    for client in [&bad, &good] {
        let meeting = meet(&acceptor, |builder| client.present(builder)).await;
        connections.push((meeting.server.ok().unwrap().io, meeting.client.unwrap()));
    }
    let (mut kept, mut keeper) = connections.pop().unwrap();
    let (mut cut, _client) = connections.pop().unwrap();
    // A new certificate of the listener's own is no reason to look again.
    write(path, &issuer.issue(&Spec::server(&["localhost"])));
    assert_eq!(
        acceptor.tls().unwrap().reload().unwrap(),
        Reloaded::Swapped(2)
    );
    let mut reading = Box::pin(cut.read_u8());
    assert!(poll_once(&mut reading).await.is_none());
    lists(&[&bad]);
    assert_eq!(
        acceptor.tls().unwrap().reload().unwrap(),
        Reloaded::Swapped(3)
    );
    let error = soon(reading).await.unwrap_err().to_string();
    assert!(error.contains("(revoked)"), "{error}");
    keeper.write_u8(7).await.unwrap();
    assert_eq!(soon(kept.read_u8()).await.unwrap(), 7);
}

/// Row 102: without tickets the server has nothing to say after the handshake; a client with Nagle's algorithm would wait
/// for a delayed acknowledgement, 40 ms, each time.
#[tokio::test]
async fn the_first_answer_is_not_delayed() {
    let acceptor = mutual(&[]);
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let (io, client, peer) = sockets().await;
        client.set_nodelay(false).unwrap();
        let serve = async {
            let mut io = acceptor.accept(io, peer).await.ok().unwrap().io;
            let asked = io.read_u8().await.unwrap();
            io.write_u8(asked).await.unwrap();
        };
        let ask = async {
            let connector = connector(|builder| WORLD.client.present(builder));
            let ssl = connector.configure().unwrap();
            let ssl = ssl.into_ssl("localhost").unwrap();
            let mut stream = tokio_openssl::SslStream::new(ssl, client).unwrap();
            Pin::new(&mut stream).connect().await.unwrap();
            let started = Instant::now();
            stream.write_u8(1).await.unwrap();
            stream.read_u8().await.unwrap();
            started.elapsed()
        };
        let (took, ()) = soon(async { tokio::join!(ask, serve) }).await;
        quickest = quickest.min(took);
    }
    assert!(quickest < Duration::from_millis(20), "{quickest:?}");
}
