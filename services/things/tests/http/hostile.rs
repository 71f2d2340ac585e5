//! No content of a request is a fault of ours.

use proptest::prelude::*;
use serde_json::json;

use crate::{ALICE, Site};

#[tokio::test]
async fn what_cannot_be_stored_is_400() {
    let site = Site::new().await;
    let deep = format!(
        r#"{{"metadata":{{"a":{}1{}}}}}"#,
        "[".repeat(60),
        "]".repeat(60)
    );
    let deeper = format!(
        r#"{{"metadata":{{"a":{}1{}}}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for body in [
        r#"{"name":"\u0000"}"#,
        r#"{"key":"a\u0000"}"#,
        r#"{"metadata":{"a":"\u0000"}}"#,
        r#"{"metadata":{"\u0000":1}}"#,
        r#"{"name":"\ud800"}"#,
        r#"{"metadata":{"a":"\udc00"}}"#,
        r#"{"metadata":{"a":1e999}}"#,
        &deep,
        &deeper,
    ] {
        for path in ["/things", "/channels"] {
            let answer = site.json("POST", ALICE, path, body).await;
            assert_eq!(answer.status, 400, "{path} {body:.60}");
        }
    }
}

#[tokio::test]
async fn numbers_come_back_as_they_were() {
    let site = Site::new().await;
    let body = r#"{"metadata":{"a":18446744073709551615,"b":-9223372036854775808,"c":1e308,"d":0.1,"e":1.0}}"#;
    let id = site.thing(ALICE, body).await;
    let thing = site.get(ALICE, &format!("/things/{id}")).await.json();
    let expected = json!({"a": u64::MAX, "b": i64::MIN, "c": 1e308, "d": 0.1, "e": 1.0});
    assert_eq!(thing["metadata"], expected);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let site = Site::new().await;
    let body = format!(r#"{{"name":"{}"}}"#, "x".repeat(3 * 1024 * 1024));
    assert_eq!(site.json("POST", ALICE, "/things", &body).await.status, 413);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_body_and_no_path_is_a_fault_of_ours(
        body in "\\{\"(name|key|metadata|channel_ids|pem|sha256)\":[\\[\\]{}\",:a0\\\\u-]{0,30}\\}?|.{0,30}",
        segment in "[a-z0-9%.~:-]{0,40}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::new().await;
            let thing = site.thing(ALICE, "{}").await;
            for (method, path) in [
                ("POST", "/things".to_owned()),
                ("POST", "/things/bulk".to_owned()),
                ("POST", "/channels/bulk".to_owned()),
                ("POST", "/connect".to_owned()),
                ("PUT", "/disconnect".to_owned()),
                ("PUT", format!("/things/{thing}")),
                ("PUT", format!("/channels/{segment}")),
                ("PATCH", format!("/things/{thing}/key")),
                ("POST", format!("/things/{thing}/certs")),
                ("DELETE", format!("/channels/{segment}/things/{segment}")),
            ] {
                let answer = site.json(method, ALICE, &path, &body).await;
                assert!(answer.status.as_u16() < 500, "{method} {path} {body}: {}", answer.body);
            }
        });
    }
}
