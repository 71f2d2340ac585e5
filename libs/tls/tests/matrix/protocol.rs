//! Versions, cipher suites, groups and application protocols.

use openssl::ssl::{SslConnectorBuilder, SslOptions, SslVersion};
use tls::Alpn;

use crate::stage::{Fields, acceptor, meet};

type Set = fn(&mut SslConnectorBuilder);

fn old(builder: &mut SslConnectorBuilder, version: SslVersion) {
    builder.set_security_level(0);
    builder.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
}

fn only_12(builder: &mut SslConnectorBuilder) {
    builder
        .set_max_proto_version(Some(SslVersion::TLS1_2))
        .unwrap();
}

async fn check(alpn: &Alpn, rows: &[(&str, Fields<'_>, Set, &str)]) {
    for (case, fields, set, expected) in rows {
        let meeting = meet(&acceptor(alpn.clone(), fields), set).await;
        assert_eq!(
            meeting.outcome(),
            *expected,
            "{case}: {:?}",
            meeting.server.err()
        );
    }
}

#[tokio::test]
async fn versions_and_suites() {
    check(
        &Alpn::none(),
        &[
            ("TLS 1.0", &[], |c| old(c, SslVersion::TLS1), "version"),
            ("TLS 1.1", &[], |c| old(c, SslVersion::TLS1_1), "version"),
            ("TLS 1.2", &[], only_12, "ok"),
            (
                "TLS 1.2 where 1.3 is the oldest",
                &[("MIN_VERSION", "1.3")],
                only_12,
                "version",
            ),
            (
                "TLS 1.2 is the newest",
                &[("MAX_VERSION", "1.2")],
                |_| {},
                "ok",
            ),
            (
                "CBC alone",
                &[],
                |c| {
                    only_12(c);
                    c.set_cipher_list("ECDHE-ECDSA-AES128-SHA256").unwrap();
                },
                "no_shared_cipher",
            ),
            (
                "a list of one",
                &[("CIPHERS", "ECDHE-ECDSA-AES256-GCM-SHA384")],
                |c| {
                    only_12(c);
                    c.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256").unwrap();
                },
                "no_shared_cipher",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn groups() {
    let hybrid: Set = |c| c.set_groups_list("X25519MLKEM768").unwrap();
    let classical: Set = |c| c.set_groups_list("X25519:P-256").unwrap();
    let both: Set = |c| c.set_groups_list("*X25519:X25519MLKEM768").unwrap();
    let large: Set = |c| c.set_groups_list("SecP384r1MLKEM1024").unwrap();
    for (case, fields, set, expected) in [
        ("hybrid alone", &[][..], hybrid, Some("X25519MLKEM768")),
        ("classical alone", &[], classical, Some("x25519")),
        (
            "a prediction that is wrong",
            &[],
            both,
            Some("X25519MLKEM768"),
        ),
        ("hybrid demanded", &[("REQUIRE_PQ", "1")], classical, None),
        (
            "the large one",
            &[("REQUIRE_PQ", "1")],
            large,
            Some("SecP384r1MLKEM1024"),
        ),
        (
            "in the order of a list",
            &[("GROUPS", "X25519MLKEM768 / X25519:P-256")],
            both,
            Some("X25519MLKEM768"),
        ),
    ] {
        let meeting = meet(&acceptor(Alpn::none(), fields), set).await;
        match (&meeting.server, expected) {
            (Ok(accepted), Some(group)) => {
                let got = accepted.tls.as_ref().unwrap().group.as_deref();
                assert_eq!(got, Some(group), "{case}");
            }
            (Err(refused), None) => {
                assert_eq!(refused.reason.as_str(), "no_shared_cipher", "{case}")
            }
            (result, _) => panic!("{case}: {:?}", result.as_ref().err()),
        }
    }
}

#[tokio::test]
async fn application_protocols() {
    let h2: Set = |c| c.set_alpn_protos(b"\x02h2").unwrap();
    let http1: Set = |c| c.set_alpn_protos(b"\x08http/1.1").unwrap();
    let none: Set = |_| {};
    check(
        &Alpn::grpc(),
        &[
            ("h2", &[], h2, "ok"),
            ("http/1.1", &[], http1, "alpn"),
            ("none", &[], none, "alpn"),
        ],
    )
    .await;
    check(
        &Alpn::http(),
        &[
            ("h2", &[], h2, "ok"),
            ("http/1.1", &[], http1, "ok"),
            ("none", &[], none, "ok"),
        ],
    )
    .await;
    check(
        &Alpn::mqtt(),
        &[("none", &[], none, "ok"), ("h2", &[], h2, "alpn")],
    )
    .await;
    let meeting = meet(&acceptor(Alpn::http(), &[]), http1).await;
    let tls = meeting.server.ok().unwrap().tls.unwrap();
    assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
}

#[test]
fn the_library_is_new_enough() {
    assert!(
        openssl::version::number() >= 0x3060_0020,
        "{}",
        openssl::version::version()
    );
}
