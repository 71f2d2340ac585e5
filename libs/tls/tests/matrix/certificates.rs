//! Which client certificates a listener takes.

use openssl::hash::MessageDigest;
use openssl::ssl::{SslConnectorBuilder, SslVersion};

use crate::pki::{Issued, Key, Spec, Use};
use crate::stage::{Fields, WORLD, meet, mutual};

/// A client, the settings of the listener, and what should come of it.
type Row<'a> = (&'a str, Issued, Fields<'a>, &'a str);

async fn check(rows: &[Row<'_>]) {
    for (case, client, fields, expected) in rows {
        let acceptor = mutual(fields);
        let present = |builder: &mut SslConnectorBuilder| {
            // A weak certificate has to get past the client's own rules first.
            builder.set_security_level(0);
            client.present(builder);
        };
        let meeting = meet(&acceptor, present).await;
        assert_eq!(
            meeting.outcome(),
            *expected,
            "{case}: {:?}",
            meeting.server.err()
        );
        assert_eq!(meeting.client.is_ok(), *expected == "ok", "{case}");
    }
}

fn client(change: impl FnOnce(&mut Spec)) -> Issued {
    let mut spec = Spec::client();
    change(&mut spec);
    WORLD.intermediate.issue(&spec)
}

#[tokio::test]
async fn times_and_uses() {
    check(&[
        ("good", WORLD.client.clone(), &[], "ok"),
        ("expired", client(|c| c.days = (-30, -1)), &[], "expired"),
        (
            "not yet valid",
            client(|c| c.days = (1, 30)),
            &[],
            "not_yet_valid",
        ),
        (
            "for servers",
            client(|c| c.uses = vec![Use::Server]),
            &[],
            "purpose",
        ),
        (
            "for code",
            client(|c| c.uses = vec![Use::CodeSigning]),
            &[],
            "purpose",
        ),
        ("for nothing", client(|c| c.uses = vec![]), &[], "purpose"),
        (
            "for nothing, legacy",
            client(|c| c.uses = vec![]),
            &[("PROFILE", "legacy")],
            "ok",
        ),
        (
            "may not sign",
            client(|c| c.digital_signature = false),
            &[],
            "purpose",
        ),
        (
            "a bad one is not none",
            client(|c| c.days = (-30, -1)),
            &[("CLIENT_AUTH", "optional")],
            "expired",
        ),
    ])
    .await;
}

#[tokio::test]
async fn keys_and_signatures() {
    check(&[
        ("RSA 2048", client(|c| c.key = Key::Rsa(2048)), &[], "ok"),
        ("RSA 1024", client(|c| c.key = Key::Rsa(1024)), &[], "weak"),
        ("Ed25519", client(|c| c.key = Key::Ed25519), &[], "ok"),
        ("P-384", client(|c| c.key = Key::P384), &[], "ok"),
        (
            "SHA-1",
            client(|c| c.digest = MessageDigest::sha1),
            &[],
            "weak",
        ),
        (
            "P-224",
            client(|c| c.key = Key::P224),
            &[],
            "no_client_cert",
        ),
    ])
    .await;
}

#[tokio::test]
async fn chains() {
    let world = &*WORLD;
    let mut alone = world.client.clone();
    alone.chain.clear();
    let by_leaf = world.client.issue(&Spec::client());
    let short = world.root.issue(&Spec {
        ca: Some(Some(0)),
        ..Spec::ca("short")
    });
    let too_deep = short.issue(&Spec::ca("below")).issue(&Spec::client());
    let mut padded = world.client.clone();
    padded.chain.push(world.stranger.cert.clone());
    let intermediate = world.intermediate.cert_pem();
    let only = [("CLIENT_CA_PEM_B64", &*base64(&intermediate))];
    let partial = [only[0], ("PARTIAL_CHAIN", "true")];
    check(&[
        (
            "of another CA",
            world.stranger.issue(&Spec::client()),
            &[],
            "unknown_ca",
        ),
        (
            "signed by itself",
            Issued::root(&Spec::client()),
            &[],
            "unknown_ca",
        ),
        ("without its intermediate", alone, &[], "unknown_ca"),
        ("signed by a leaf", by_leaf, &[], "unknown_ca"),
        ("too deep", too_deep, &[], "unknown_ca"),
        ("with a stranger beside it", padded, &[], "ok"),
        (
            "below the intermediate alone",
            world.client.clone(),
            &only,
            "unknown_ca",
        ),
        (
            "the same as the end of the chain",
            world.client.clone(),
            &partial,
            "ok",
        ),
        ("the root itself", world.root.clone(), &[], "purpose"),
        (
            "the intermediate itself",
            world.intermediate.clone(),
            &[],
            "purpose",
        ),
    ])
    .await;
}

fn base64(text: &str) -> String {
    openssl::base64::encode_block(text.as_bytes())
}

#[tokio::test]
async fn chains_are_bounded_in_bytes() {
    let ballast = |count: usize| {
        let mut client = WORLD.client.clone();
        let more = std::iter::repeat_n(WORLD.stranger.cert.clone(), count);
        client.chain.extend(more);
        client
    };
    check(&[
        ("60 certificates", ballast(60), &[], "ok"),
        ("300 certificates", ballast(300), &[], "protocol"),
    ])
    .await;
}

#[tokio::test]
async fn certificates_of_0_9_need_the_legacy_profile() {
    let ca = Issued::root(&Spec {
        states_usage: false,
        ..Spec::ca("localhost")
    });
    let thing = ca.issue(&Spec {
        version_1: true,
        ..Spec::client()
    });
    let pem = base64(&ca.cert_pem());
    check(&[
        (
            "strict",
            thing.clone(),
            &[("CLIENT_CA_PEM_B64", &pem)],
            "policy",
        ),
        (
            "legacy",
            thing,
            &[("CLIENT_CA_PEM_B64", &pem), ("PROFILE", "legacy")],
            "ok",
        ),
    ])
    .await;
}

#[tokio::test]
async fn none_at_all() {
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let only = |builder: &mut SslConnectorBuilder| {
            builder.set_max_proto_version(Some(version)).unwrap();
        };
        let meeting = meet(&mutual(&[]), only).await;
        assert_eq!(meeting.outcome(), "no_client_cert");
        let alert = meeting.client.err().unwrap();
        assert!(
            alert.contains("certificate required") || alert.contains("handshake failure"),
            "{alert}"
        );
        let meeting = meet(&mutual(&[("CLIENT_AUTH", "optional")]), only).await;
        let tls = meeting.server.ok().unwrap().tls.unwrap();
        assert!(tls.peer.is_none());
    }
}

#[tokio::test]
async fn what_is_known_of_a_good_one() {
    let meeting = meet(&mutual(&[]), |builder| WORLD.client.present(builder)).await;
    let accepted = meeting.server.ok().unwrap();
    let tls = accepted.tls.unwrap();
    assert_eq!(
        (tls.version, tls.resumed, tls.generation),
        ("TLSv1.3", false, 1)
    );
    assert_eq!(tls.group.as_deref(), Some("X25519MLKEM768"));
    assert_eq!(tls.sni.as_deref(), Some("localhost"));
    let peer = tls.peer.as_ref().unwrap();
    let der = WORLD.client.cert.to_der().unwrap();
    assert_eq!(peer.sha256, openssl::sha::sha256(&der));
    assert_eq!(peer.cn.as_deref(), Some("client"));
    assert_eq!(peer.uris, ["spiffe://test/thing/1"]);
    let issuer = WORLD.intermediate.cert.subject_key_id().unwrap();
    assert_eq!(peer.issuer_key_id.as_deref(), Some(issuer.as_slice()));
    let serial = WORLD.client.cert.serial_number().to_bn().unwrap();
    assert_eq!(peer.serial, serial.to_vec());
    assert!(!peer.is_expired());
}

/// More than one CN, or one that two readers would read differently, is no name; a comma in it is part of it (row 82).
#[tokio::test]
async fn ambiguous_names_are_none() {
    for (cn, second, expected) in [
        ("thing", None, Some("thing")),
        ("a,CN=victim", None, Some("a,CN=victim")),
        ("victim\0.example", None, None),
        ("thing", Some("victim"), None),
        ("thing", Some("thing"), None),
    ] {
        let client = client(|c| {
            c.cn = cn.to_owned();
            c.second_cn = second.map(str::to_owned);
        });
        let meeting = meet(&mutual(&[]), |builder| client.present(builder)).await;
        let tls = meeting.server.ok().unwrap().tls.unwrap();
        let peer = tls.peer.as_ref().unwrap();
        assert_eq!(peer.cn.as_deref(), expected, "{cn:?} {second:?}");
    }
}
