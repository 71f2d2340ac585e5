//! Revocation lists: revoked, stale, missing, and how far they are looked at.

use crate::pki::Spec;
use crate::stage::{WORLD, meet, mutual};

#[tokio::test]
async fn lists() {
    let world = &*WORLD;
    let other = world.intermediate.issue(&Spec::client());
    let of_root = world.root.crl(&[], 10);
    let clean = of_root.clone() + &world.intermediate.crl(&[&other], 10);
    let revoked = of_root.clone() + &world.intermediate.crl(&[&world.client], 10);
    let stale = of_root.clone() + &world.intermediate.crl(&[&other], -1);
    let no_intermediate =
        world.root.crl(&[&world.intermediate], 10) + &world.intermediate.crl(&[&other], 10);
    for (case, list, mode, scope, expected) in [
        ("not in it", &clean, "hard", "chain", "ok"),
        ("revoked", &revoked, "hard", "chain", "revoked"),
        ("revoked, soft", &revoked, "soft", "chain", "revoked"),
        ("stale", &stale, "hard", "chain", "crl_unavailable"),
        ("stale, soft", &stale, "soft", "chain", "ok"),
        (
            "only another issuer's",
            &of_root,
            "hard",
            "chain",
            "crl_unavailable",
        ),
        (
            "only another issuer's, soft",
            &of_root,
            "soft",
            "chain",
            "ok",
        ),
        (
            "intermediate revoked",
            &no_intermediate,
            "hard",
            "chain",
            "revoked",
        ),
        (
            "intermediate revoked, leaf",
            &no_intermediate,
            "hard",
            "leaf",
            "ok",
        ),
    ] {
        let fields = [
            ("CRL_PEM", list.as_str()),
            ("CRL_MODE", mode),
            ("CRL_SCOPE", scope),
        ];
        let meeting = meet(&mutual(&fields), |builder| world.client.present(builder)).await;
        assert_eq!(
            meeting.outcome(),
            expected,
            "{case}: {:?}",
            meeting.server.err()
        );
    }
}
