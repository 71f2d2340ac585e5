//! Our client, and servers it must not believe.

use std::pin::Pin;

use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use tls::{Alpn, ClientTls, Refused, endpoints};
use tokio::io::AsyncReadExt;
use tokio_openssl::SslStream;

use crate::pki::{Issued, Spec, Use};
use crate::stage::{Fields, WORLD, acceptor, load, mutual, sockets, soon};

fn client(fields: Fields<'_>) -> ClientTls {
    let ca = WORLD.root.cert_pem();
    let mut all = vec![("SERVER_CA_PEM", ca.as_str())];
    all.extend_from_slice(fields);
    let endpoint = &endpoints::HTTP_ADAPTER_THINGS;
    let settings = load(endpoint, "MF_HTTP_ADAPTER_CLIENT", &all).unwrap();
    ClientTls::open(&settings, Alpn::none()).unwrap()
}

async fn outcome(client: &ClientTls, server: &Issued, host: &str) -> Result<tls::TlsInfo, Refused> {
    let acceptor = acceptor_of(server);
    let (io, socket, peer) = sockets().await;
    let call = async {
        let (_stream, info) = client.connect(host, socket).await?;
        Ok(info)
    };
    let (_, result) = soon(async { tokio::join!(acceptor.accept(io, peer), call) }).await;
    result
}

/// A listener with any certificate; what it should not have is what the client has to find.
fn acceptor_of(server: &Issued) -> tls::Acceptor {
    let encode = |text: String| openssl::base64::encode_block(text.as_bytes());
    let (cert, key) = (encode(server.pem()), encode(server.key_pem()));
    acceptor(
        Alpn::none(),
        &[("CERT_PEM_B64", &cert), ("KEY_PEM_B64", &key)],
    )
}

async fn check(rows: &[(&str, Fields<'_>, Issued, &str, &str)]) {
    for (case, fields, server, host, expected) in rows {
        let result = outcome(&client(fields), server, host).await;
        let got = result
            .as_ref()
            .map_or_else(|refused| refused.reason.as_str(), |_| "ok");
        assert_eq!(got, *expected, "{case}: {:?}", result.err());
    }
}

fn server(change: impl FnOnce(&mut Spec)) -> Issued {
    let mut spec = Spec::server(&["localhost"]);
    change(&mut spec);
    WORLD.intermediate.issue(&spec)
}

#[tokio::test]
async fn names() {
    let world = &*WORLD;
    let wild = server(|s| s.names = vec!["*.iot.example".to_owned()]);
    let partial = server(|s| s.names = vec!["f*.iot.example".to_owned()]);
    let cn_only = server(|s| {
        s.names = vec![];
        s.cn = "localhost".to_owned();
    });
    check(&[
        ("its name", &[], world.server.clone(), "localhost", "ok"),
        ("its address", &[], world.server.clone(), "127.0.0.1", "ok"),
        ("another name", &[], world.server.clone(), "things", "name"),
        (
            "another address",
            &[],
            world.server.clone(),
            "127.0.0.2",
            "name",
        ),
        (
            "told its name",
            &[("SERVER_NAME", "localhost")],
            world.server.clone(),
            "things",
            "ok",
        ),
        ("one label", &[], wild.clone(), "a.iot.example", "ok"),
        ("two labels", &[], wild, "a.b.iot.example", "name"),
        ("part of a label", &[], partial, "foo.iot.example", "name"),
        ("only in the CN", &[], cn_only.clone(), "localhost", "name"),
        (
            "only in the CN, legacy",
            &[("PROFILE", "legacy")],
            cn_only,
            "localhost",
            "ok",
        ),
    ])
    .await;
}

#[tokio::test]
async fn certificates() {
    let mut alone = WORLD.server.clone();
    alone.chain.clear();
    let stranger = WORLD.stranger.issue(&Spec::server(&["localhost"]));
    check(&[
        (
            "not yet valid",
            &[],
            server(|s| s.days = (1, 30)),
            "localhost",
            "not_yet_valid",
        ),
        (
            "for clients",
            &[],
            server(|s| s.uses = vec![Use::Client]),
            "localhost",
            "purpose",
        ),
        (
            "without its intermediate",
            &[],
            alone,
            "localhost",
            "unknown_ca",
        ),
        ("of another CA", &[], stranger, "localhost", "unknown_ca"),
    ])
    .await;
}

/// No listener of ours would start with it, so the server is another one.
#[tokio::test]
async fn an_expired_server_is_refused() {
    let expired = server(|s| s.days = (-30, -1));
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_certificate(&expired.cert).unwrap();
    for between in &expired.chain {
        builder.add_extra_chain_cert(between.clone()).unwrap();
    }
    builder.set_private_key(&expired.key).unwrap();
    let ssl = Ssl::new(builder.build().context()).unwrap();
    let (io, socket, _) = sockets().await;
    let mut stream = SslStream::new(ssl, io).unwrap();
    let client = client(&[]);
    let (accepted, connected) = soon(async {
        tokio::join!(
            Pin::new(&mut stream).accept(),
            client.connect("localhost", socket)
        )
    })
    .await;
    assert_eq!(connected.err().unwrap().reason.as_str(), "expired");
    assert!(accepted.unwrap_err().to_string().contains("expired"));
}

#[tokio::test]
async fn certificates_and_our_conditions() {
    let stranger = WORLD.stranger.issue(&Spec::server(&["localhost"]));
    let wrong_ca = [(
        "SERVER_CA_PEM_B64",
        &*openssl::base64::encode_block(WORLD.stranger.cert_pem().as_bytes()),
    )];
    check(&[
        (
            "whatever it is",
            &[("INSECURE_SKIP_VERIFY", "yes")],
            stranger,
            "anything",
            "ok",
        ),
        (
            "of a CA that is not ours",
            &wrong_ca,
            WORLD.server.clone(),
            "localhost",
            "unknown_ca",
        ),
        (
            "of nobody allowed",
            &[("ALLOWED_IDS", "things.internal")],
            WORLD.server.clone(),
            "localhost",
            "policy",
        ),
        (
            "of somebody allowed",
            &[("ALLOWED_IDS", "local*")],
            WORLD.server.clone(),
            "localhost",
            "ok",
        ),
        (
            "not pinned",
            &[("PINNED_SPKI", &"00".repeat(32))],
            WORLD.server.clone(),
            "localhost",
            "pin",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_certificate_of_ours() {
    let encode = |text: String| openssl::base64::encode_block(text.as_bytes());
    let (cert, key) = (encode(WORLD.client.pem()), encode(WORLD.client.key_pem()));
    let client = client(&[("CERT_PEM_B64", &cert), ("KEY_PEM_B64", &key)]);
    let acceptor = mutual(&[]);
    let (io, socket, peer) = sockets().await;
    let (accepted, connected) = soon(async {
        tokio::join!(
            acceptor.accept(io, peer),
            client.connect("localhost", socket)
        )
    })
    .await;
    let tls = accepted.ok().unwrap().tls.unwrap();
    assert_eq!(tls.peer.as_ref().unwrap().cn.as_deref(), Some("client"));
    let (_, info) = connected.ok().unwrap();
    assert_eq!(info.group.as_deref(), Some("X25519MLKEM768"));
    assert_eq!(info.peer.unwrap().dns, ["localhost"]);
}

/// With TLS 1.3 a client is done before the server has judged it: the refusal comes with the first read.
#[tokio::test]
async fn a_refusal_comes_with_the_first_read() {
    let (client, acceptor) = (client(&[]), mutual(&[]));
    let (io, socket, peer) = sockets().await;
    let call = async {
        let (mut stream, _) = client.connect("localhost", socket).await.ok().unwrap();
        stream.read_u8().await.unwrap_err().to_string()
    };
    let (result, error) = soon(async { tokio::join!(acceptor.accept(io, peer), call) }).await;
    assert_eq!(result.err().unwrap().reason.as_str(), "no_client_cert");
    assert!(error.contains("certificate required"), "{error}");
}

#[tokio::test]
async fn our_alert_is_named_by_the_listener() {
    let acceptor = acceptor_of(&WORLD.stranger.issue(&Spec::server(&["localhost"])));
    let (io, socket, peer) = sockets().await;
    let client = client(&[]);
    let (result, refused) = soon(async {
        tokio::join!(acceptor.accept(io, peer), async {
            client.connect("localhost", socket).await.map(drop)
        })
    })
    .await;
    assert_eq!(refused.unwrap_err().reason.as_str(), "unknown_ca");
    let refused = result.err().unwrap();
    assert_eq!(refused.reason.as_str(), "alert");
    assert!(refused.detail.contains("unknown ca"), "{refused}");
}
