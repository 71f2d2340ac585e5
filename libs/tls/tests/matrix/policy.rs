//! Conditions on top of a good chain.

use std::pin::Pin;

use tls::Reloaded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_openssl::SslStream;

use crate::pki::{Issued, Spec};
use crate::stage::{Fields, WORLD, connector, meet, mutual, poll_once, sockets, soon};

async fn check(case: &str, fields: Fields<'_>, client: &Issued, expected: &str) {
    let meeting = meet(&mutual(fields), |builder| client.present(builder)).await;
    assert_eq!(
        meeting.outcome(),
        expected,
        "{case}: {:?}",
        meeting.server.as_ref().err()
    );
    if let Err(refused) = &meeting.server {
        let print = openssl::sha::sha256(&client.cert.to_der().unwrap());
        let hex: String = print.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(refused.certificate.as_deref(), Some(hex.as_str()), "{case}");
        assert!(meeting.client.is_err(), "{case}");
    }
}

fn pin(issued: &Issued) -> String {
    let key = issued.key.public_key_to_der().unwrap();
    let key = openssl::sha::sha256(&key);
    key.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[tokio::test]
async fn pins() {
    let (pinned, other) = (pin(&WORLD.client), "00".repeat(32));
    let both = format!("{other}, {pinned}");
    check("pinned", &[("PINNED_SPKI", &both)], &WORLD.client, "ok").await;
    check(
        "not pinned",
        &[("PINNED_SPKI", &other)],
        &WORLD.client,
        "pin",
    )
    .await;
    // A pin is a condition more, not a way in.
    let stranger = WORLD.stranger.issue(&Spec::client());
    let pinned = pin(&stranger).to_lowercase();
    check(
        "pinned stranger",
        &[("PINNED_SPKI", &pinned)],
        &stranger,
        "unknown_ca",
    )
    .await;
}

/// Row 79: who is no longer pinned goes, everybody else stays.
#[tokio::test]
async fn a_connection_ends_with_the_pin_it_rests_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pins");
    let issuer = &WORLD.intermediate;
    let (good, bad) = (issuer.issue(&Spec::client()), issuer.issue(&Spec::client()));
    std::fs::write(&path, format!("{}\n{}\n", pin(&good), pin(&bad))).unwrap();
    let acceptor = mutual(&[("PINNED_SPKI_FILE", path.to_str().unwrap())]);
    let reload = || acceptor.tls().unwrap().reload();
    let meet = async |client: &Issued| meet(&acceptor, |builder| client.present(builder)).await;
    let (kept, cut) = (meet(&good).await, meet(&bad).await);
    let (mut kept, mut keeper) = (kept.server.ok().unwrap().io, kept.client.unwrap());
    let (mut cut, _client) = (cut.server.ok().unwrap().io, cut.client.unwrap());
    assert_eq!(reload().unwrap(), Reloaded::Unchanged);
    std::fs::write(&path, pin(&good)).unwrap();
    assert_eq!(reload().unwrap(), Reloaded::Swapped(2));
    let error = soon(cut.read_u8()).await.unwrap_err().to_string();
    assert!(error.contains("(pin)"), "{error}");
    keeper.write_u8(7).await.unwrap();
    assert_eq!(soon(kept.read_u8()).await.unwrap(), 7);
    // What is no list of pins changes nothing, above all not to a list of none.
    for (content, reason) in [
        ("", "MF_HTTP_ADAPTER_TLS_PINNED_SPKI_FILE holds no pin"),
        ("00", "is no SHA-256"),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = reload().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = reload().unwrap_err().to_string();
    assert!(error.contains("cannot read"), "{error}");
    assert_eq!(meet(&bad).await.outcome(), "pin");
    assert_eq!(meet(&good).await.outcome(), "ok");
}

/// Row 79: what was judged by the old pins is judged again, even if they were gone before the handshake was over.
#[tokio::test]
async fn a_handshake_that_a_reload_overtakes_is_judged_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pins");
    std::fs::write(&path, pin(&WORLD.client)).unwrap();
    let acceptor = mutual(&[("PINNED_SPKI_FILE", path.to_str().unwrap())]);
    let (io, client, peer) = sockets().await;
    let connector = connector(|builder| WORLD.client.present(builder));
    let ssl = connector.configure().unwrap().into_ssl("localhost");
    let mut stream = SslStream::new(ssl.unwrap(), client).unwrap();
    let hello = poll_once(&mut Box::pin(Pin::new(&mut stream).connect())).await;
    assert!(hello.is_none());
    let mut accept = Box::pin(acceptor.accept(io, peer));
    soon(async {
        tokio::select! {
            _ = &mut accept => panic!("nothing has come of the client's certificate yet"),
            answered = stream.get_ref().readable() => answered.unwrap(),
        }
    })
    .await;
    std::fs::write(&path, "00".repeat(32)).unwrap();
    let swapped = acceptor.tls().unwrap().reload().unwrap();
    assert_eq!(swapped, Reloaded::Swapped(2));
    let both = async { tokio::join!(accept, Pin::new(&mut stream).connect()) };
    let (accepted, connected) = soon(both).await;
    connected.unwrap();
    let mut io = accepted.ok().unwrap().io;
    let error = soon(io.read_u8()).await.unwrap_err().to_string();
    assert!(error.contains("(pin)"), "{error}");
}

#[tokio::test]
async fn allowed_names() {
    let allowed = [(
        "ALLOWED_IDS",
        "spiffe://test/svc/http-adapter, mqtt.internal",
    )];
    let named = |names: &[&str]| {
        WORLD.intermediate.issue(&Spec {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            ..Spec::client()
        })
    };
    for (case, names, expected) in [
        ("URI", &["URI:spiffe://test/svc/http-adapter"][..], "ok"),
        ("DNS name", &["mqtt.internal"], "ok"),
        ("another", &["URI:spiffe://test/svc/ws-adapter"], "policy"),
        (
            "another domain",
            &["URI:spiffe://other/svc/http-adapter"],
            "policy",
        ),
        (
            "two",
            &[
                "URI:spiffe://test/svc/http-adapter",
                "URI:spiffe://test/thing/1",
            ],
            "policy",
        ),
        (
            "another case",
            &["URI:spiffe://test/svc/HTTP-adapter"],
            "policy",
        ),
        (
            "a way around",
            &["URI:spiffe://test/svc/../svc/http-adapter"],
            "policy",
        ),
        ("none", &[], "policy"),
    ] {
        check(case, &allowed, &named(names), expected).await;
    }
}
