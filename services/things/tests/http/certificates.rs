use proto::things::Things;
use serde_json::json;
use things::model::Fingerprint;

use crate::{ALICE, BOB, JSON, NOBODY, Site};

const LEAF: &str = include_str!("../data/leaf.pem");
const EXPIRED: &str = include_str!("../data/expired.pem");
const SHA256: &str = "9e2f27f9af221011ff3c01570afdfb777c14d890a045b2df33730d411a40749e";

#[tokio::test]
async fn a_certificate_is_registered_listed_revoked_and_removed() {
    let site = Site::new().await;
    let path = format!("/things/{}/certs", site.thing(ALICE, "{}").await);
    let one = format!("{path}/{SHA256}");
    let pem = json!({"pem": LEAF}).to_string();
    let created = site.json("POST", ALICE, &path, &pem).await;
    assert_eq!(
        (created.status.as_u16(), created.header("location")),
        (201, one.as_str())
    );
    let page = site.get(ALICE, &path).await.json();
    let cert = &page["certs"][0];
    assert_eq!((&page["total"], &page["limit"]), (&json!(1), &json!(10)));
    assert_eq!(
        (&cert["sha256"], &cert["serial"]),
        (&json!(SHA256), &json!("0badc0de"))
    );
    assert_eq!(
        (&cert["subject"], &cert["not_after"]),
        (
            &json!("CN=boiler 7, O=Example"),
            &json!("2126-10-31T18:21:12Z")
        )
    );
    assert_eq!(cert["revoked"], json!(null));
    let sha256 = *Fingerprint::parse(SHA256).unwrap().as_bytes();
    let authenticate = async || site.service.authenticate_certificate(&sha256, None).await;
    assert!(authenticate().await.is_ok());
    for _ in 0..2 {
        let revoked = site
            .send("POST", ALICE, &format!("{one}/revoke"), "", "")
            .await;
        assert_eq!((revoked.status.as_u16(), revoked.body.as_str()), (200, ""));
    }
    assert!(authenticate().await.is_err());
    let page = site.get(ALICE, &path).await.json();
    assert!(page["certs"][0]["revoked"].as_str().unwrap().ends_with('Z'));
    assert_eq!(site.json("POST", ALICE, &path, &pem).await.status, 422);
    for status in [204, 404] {
        assert_eq!(site.delete(ALICE, &one).await.status, status);
    }
    assert_eq!(site.json("POST", ALICE, &path, &pem).await.status, 201);
}

#[tokio::test]
async fn one_certificate_is_one_things() {
    let site = Site::new().await;
    let (mine, theirs) = (site.thing(ALICE, "{}").await, site.thing(BOB, "{}").await);
    let body = json!({"sha256": SHA256.to_uppercase()}).to_string();
    let create = async |token, thing: &str| {
        let path = format!("/things/{thing}/certs");
        site.json("POST", token, &path, &body).await.status.as_u16()
    };
    assert_eq!(create(ALICE, &mine).await, 201);
    assert_eq!(create(BOB, &theirs).await, 422);
    assert_eq!(create(BOB, &mine).await, 404);
    assert_eq!(create(ALICE, NOBODY).await, 404);
    for thing in [&mine, &theirs] {
        let one = format!("/things/{thing}/certs/{SHA256}");
        assert_eq!(
            site.send("POST", BOB, &format!("{one}/revoke"), "", "")
                .await
                .status,
            404
        );
        assert_eq!(site.delete(BOB, &one).await.status, 404);
    }
    assert_eq!(
        site.get(BOB, &format!("/things/{mine}/certs")).await.status,
        404
    );
}

#[tokio::test]
async fn what_is_no_certificate_is_400() {
    let site = Site::new().await;
    let path = format!("/things/{}/certs", site.thing(ALICE, "{}").await);
    for (body, code) in [
        (json!({}), "certificate_missing"),
        (
            json!({"pem": LEAF, "sha256": SHA256}),
            "certificate_missing",
        ),
        (json!({"sha256": "x"}), "fingerprint_malformed"),
        (json!({"pem": "x"}), "certificate_malformed"),
        (json!({"pem": EXPIRED}), "certificate_expired"),
    ] {
        let answer = site.json("POST", ALICE, &path, &body.to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (400, &json!(code))
        );
    }
    assert_eq!(site.send("POST", ALICE, &path, "", "{}").await.status, 415);
    assert_eq!(site.send("POST", "", &path, JSON, "{}").await.status, 403);
    assert_eq!(site.get("", &path).await.status, 403);
    assert_eq!(
        site.get(ALICE, &format!("{path}?limit=0")).await.status,
        400
    );
}
