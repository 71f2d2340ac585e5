//! Certificates in a header, from a proxy that ended TLS: judged as in a handshake.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tls::{Acceptor, Alpn, ClientAuth, Forwarded, Settings, endpoints};

use crate::pki::{Issued, Key, Spec, Use};
use crate::stage::{Fields, WORLD, load};

const PROXY: &str = "10.0.0.1:40000";

fn settings(fields: Fields<'_>) -> Settings {
    let ca = WORLD.root.cert_pem();
    let mut all = vec![
        ("FORWARDED_CERT_HEADER", "Client-Cert"),
        ("FORWARDED_CERT_FROM", "10.0.0.0/24"),
        ("CLIENT_CA_PEM", &ca),
    ];
    all.extend_from_slice(fields);
    load(&endpoints::WS_ADAPTER, "MF_WS_ADAPTER", &all).unwrap()
}

fn forwarded(fields: Fields<'_>) -> Forwarded {
    Forwarded::open(&settings(fields)).unwrap().unwrap()
}

fn escaped(client: &Issued) -> String {
    utf8_percent_encode(&client.cert_pem(), NON_ALPHANUMERIC).to_string()
}

fn binary(cert: &openssl::x509::X509) -> String {
    format!(":{}:", STANDARD.encode(cert.to_der().unwrap()))
}

/// The reason of a refusal, `ok`, or `none` for no certificate.
fn outcome(forwarded: &Forwarded, peer: &str, values: &[&str], more: &[&str]) -> &'static str {
    let peer: SocketAddr = peer.parse().unwrap();
    let bytes = |values: &[&str]| -> Vec<Vec<u8>> {
        values
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect()
    };
    let (values, more) = (bytes(values), bytes(more));
    let judged = forwarded.certificate(
        peer,
        values.iter().map(Vec::as_slice),
        more.iter().map(Vec::as_slice),
    );
    match judged {
        Ok(Some(_)) => "ok",
        Ok(None) => "none",
        Err(refused) => refused.reason.as_str(),
    }
}

#[test]
fn both_forms_are_read_and_nothing_else() {
    let (judge, root) = (forwarded(&[]), &WORLD.root);
    let client = root.issue(&Spec::client());
    let (pem, der) = (escaped(&client), binary(&client.cert));
    let whole = escaped(&WORLD.client) + &escaped(&WORLD.intermediate);
    let (below, intermediate) = (binary(&WORLD.client.cert), binary(&WORLD.intermediate.cert));
    let five = [intermediate.as_str(); 5].join(", ");
    for (case, values, more, expected) in [
        ("PEM", &[pem.as_str()][..], &[][..], "ok"),
        ("RFC 9440", &[&der], &[], "ok"),
        (
            "with its intermediate",
            &[&below],
            &[intermediate.as_str()],
            "ok",
        ),
        ("PEM of a chain", &[&whole], &[], "ok"),
        ("without it", &[&below], &[], "unknown_ca"),
        ("no header", &[], &[], "none"),
        ("an empty one", &[""], &[], "none"),
        ("twice", &[&pem, &der], &[], "protocol"),
        ("twice, once empty", &["", &der], &[], "protocol"),
        ("cut off", &[&pem[..200]], &[], "protocol"),
        ("no end", &[&der[..der.len() - 1]], &[], "protocol"),
        ("not base64", &[":*:"], &[], "protocol"),
        ("no certificate", &[":AAAA:"], &[], "protocol"),
        ("a name", &["CN=thing"], &[], "protocol"),
        ("a chain that is none", &[&der], &["x"], "protocol"),
        ("a long chain", &[&der], &[five.as_str()], "protocol"),
    ] {
        assert_eq!(outcome(&judge, PROXY, values, more), expected, "{case}");
    }
}

#[test]
fn only_the_proxies_are_believed() {
    let judge = forwarded(&[]);
    let good = binary(&WORLD.root.issue(&Spec::client()).cert);
    for (peer, expected) in [
        (PROXY, "ok"),
        ("[::ffff:10.0.0.1]:1", "ok"),
        ("10.0.1.1:1", "untrusted"),
        ("127.0.0.1:1", "untrusted"),
        ("[::1]:1", "untrusted"),
    ] {
        assert_eq!(outcome(&judge, peer, &[&good], &[]), expected, "{peer}");
    }
    assert_eq!(outcome(&judge, "127.0.0.1:1", &[], &[]), "none");
}

#[test]
fn it_is_judged_as_in_a_handshake() {
    let (root, world) = (&WORLD.root, &*WORLD);
    let days = |from, until| Spec {
        days: (from, until),
        ..Spec::client()
    };
    let with = |change: fn(&mut Spec)| {
        let mut spec = Spec::client();
        change(&mut spec);
        root.issue(&spec)
    };
    let good = root.issue(&Spec::client());
    for (case, client, expected) in [
        ("good", &good, "ok"),
        (
            "another CA",
            &world.stranger.issue(&Spec::client()),
            "unknown_ca",
        ),
        ("self-signed", &Issued::root(&Spec::client()), "unknown_ca"),
        ("expired", &root.issue(&days(-20, -1)), "expired"),
        ("too early", &root.issue(&days(1, 20)), "not_yet_valid"),
        (
            "for servers",
            &with(|spec| spec.uses = vec![Use::Server]),
            "purpose",
        ),
        ("no EKU", &with(|spec| spec.uses.clear()), "purpose"),
        (
            "no signatures",
            &with(|spec| spec.digital_signature = false),
            "purpose",
        ),
        ("a CA", root, "purpose"),
        (
            "SHA-1",
            &with(|spec| spec.digest = MessageDigest::sha1),
            "weak",
        ),
        ("RSA 1024", &with(|spec| spec.key = Key::Rsa(1024)), "weak"),
    ] {
        let judge = forwarded(&[]);
        assert_eq!(
            outcome(&judge, PROXY, &[&escaped(client)], &[]),
            expected,
            "{case}"
        );
    }
}

#[test]
fn pins_and_names_count() {
    let (good, pin) = (WORLD.root.issue(&Spec::client()), "00".repeat(32));
    for (name, value, expected) in [
        ("PINNED_SPKI", &*pin, "pin"),
        ("ALLOWED_IDS", "spiffe://x/*", "policy"),
        ("ALLOWED_IDS", "spiffe://test/*", "ok"),
    ] {
        let judge = forwarded(&[(name, value)]);
        let outcome = outcome(&judge, PROXY, &[&escaped(&good)], &[]);
        assert_eq!(outcome, expected, "{name} {value}");
    }
}

#[test]
fn revocation_lists_count() {
    let (root, spec) = (&WORLD.root, Spec::client());
    let (good, revoked) = (root.issue(&spec), root.issue(&spec));
    let (fresh, stale) = (root.crl(&[&revoked], 10), root.crl(&[&revoked], -1));
    for (case, client, list, mode, expected) in [
        ("not in it", &good, &fresh, "hard", "ok"),
        ("in it", &revoked, &fresh, "hard", "revoked"),
        ("stale", &good, &stale, "hard", "crl_unavailable"),
        ("stale, soft", &good, &stale, "soft", "ok"),
        ("in it, stale, soft", &revoked, &stale, "soft", "revoked"),
    ] {
        let judge = forwarded(&[("CRL_PEM", list), ("CRL_MODE", mode)]);
        let outcome = outcome(&judge, PROXY, &[&escaped(client)], &[]);
        assert_eq!(outcome, expected, "{case}");
    }
}

/// Without a certificate of its own the port stays plaintext, and devices may come with or without one.
#[test]
fn a_port_behind_a_proxy_needs_no_certificate() {
    let behind = settings(&[]);
    assert!(!behind.is_enabled());
    assert_eq!(behind.client_auth(), ClientAuth::Optional);
    let acceptor = Acceptor::open(&behind, Alpn::http()).unwrap();
    assert!(acceptor.is_plain() && acceptor.forwarded().is_some());
}

#[test]
fn what_cannot_be_held_against_anything_is_refused() {
    let ca = WORLD.root.cert_pem();
    let (header, from) = (
        ("FORWARDED_CERT_HEADER", "Client-Cert"),
        ("FORWARDED_CERT_FROM", "::1"),
    );
    let ca = ("CLIENT_CA_PEM", ca.as_str());
    let wrong = ("FORWARDED_CERT_HEADER", "Client Cert");
    for (case, fields, named) in [
        (
            "no proxies",
            &[header, ca][..],
            "MF_WS_ADAPTER_TLS_FORWARDED_CERT_FROM",
        ),
        (
            "no CA",
            &[header, from],
            "MF_WS_ADAPTER_TLS_CLIENT_CA_PEM_FILE",
        ),
        (
            "no name",
            &[wrong, from, ca],
            "MF_WS_ADAPTER_TLS_FORWARDED_CERT_HEADER",
        ),
        ("a CA alone", &[from, ca], "MF_WS_ADAPTER_TLS_CERT_PEM_FILE"),
    ] {
        let problems = load(&endpoints::WS_ADAPTER, "MF_WS_ADAPTER", fields).unwrap_err();
        assert!(problems.contains(named), "{case}: {problems}");
    }
    let problems = load(&endpoints::USERS_HTTP, "MF_USERS", &[header]).unwrap_err();
    assert!(
        problems.contains("MF_USERS_TLS_FORWARDED_CERT_HEADER"),
        "{problems}"
    );
    // One prefix is that of both ports of MQTT; on the one for TCP there is no header, and no plaintext by it.
    let both = [header, from, ca];
    let tcp = load(&endpoints::MQTT_ADAPTER, "MF_MQTT_ADAPTER", &both).unwrap_err();
    assert!(tcp.contains("TLS_CERT_PEM_FILE"), "{tcp}");
    assert!(load(&endpoints::MQTT_ADAPTER_WS, "MF_MQTT_ADAPTER", &both).is_ok());
}
