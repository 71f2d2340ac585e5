//! Conditions on top of a good chain.

use crate::pki::{Issued, Spec};
use crate::stage::{Fields, WORLD, meet, mutual};

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

#[tokio::test]
async fn pins() {
    let key = WORLD.client.key.public_key_to_der().unwrap();
    let pin: String = openssl::sha::sha256(&key)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let other = "00".repeat(32);
    let both = format!("{other}, {pin}");
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
    let key = stranger.key.public_key_to_der().unwrap();
    let pin: String = openssl::sha::sha256(&key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    check(
        "pinned stranger",
        &[("PINNED_SPKI", &pin)],
        &stranger,
        "unknown_ca",
    )
    .await;
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
        ("none", &[], "policy"),
    ] {
        check(case, &allowed, &named(names), expected).await;
    }
}
