//! A test per wart of contract section 15 that is fixed here.

use proto::Change;
use proto::things::Things;
use serde_json::json;

use crate::{ALICE, BOB, JSON, Site};

#[tokio::test]
async fn w5_the_old_key_is_void_once_there_is_a_new_one() {
    let site = Site::new().await;
    let id = site.thing(ALICE, r#"{"key":"old"}"#).await;
    let identify = async |key: &str| site.auth("/identify", &json!({"token": key})).await;
    assert_eq!(identify("old").await.json(), json!({"id": id}));
    let patch = site
        .json(
            "PATCH",
            ALICE,
            &format!("/things/{id}/key"),
            r#"{"key":"new"}"#,
        )
        .await;
    assert_eq!(patch.status, 200);
    assert_eq!(identify("old").await.status, 403);
    assert_eq!(identify("new").await.json(), json!({"id": id}));
    let changes = site.service.changes(1).await.unwrap();
    let id = id.parse().unwrap();
    assert_eq!(changes.events[0].change, Change::ThingKeyChanged { id });
    site.delete(ALICE, &format!("/things/{id}")).await;
    assert_eq!(identify("new").await.status, 403);
}

#[tokio::test]
async fn w6_removing_what_is_somebody_elses_does_nothing_and_tells_nobody() {
    let site = Site::new().await;
    let (thing, channel) = (
        site.thing(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    );
    for path in [format!("/things/{thing}"), format!("/channels/{channel}")] {
        assert_eq!(site.delete(BOB, &path).await.status, 204);
        assert_eq!(site.get(ALICE, &path).await.status, 200);
    }
    assert_eq!(site.service.changes(0).await.unwrap().latest, 2);
}

#[tokio::test]
async fn w24_what_is_no_id_is_404_on_every_route_but_removal() {
    let site = Site::new().await;
    let (thing, channel) = (
        site.thing(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    );
    for bad in [
        "x",
        "%00",
        "%ff",
        "..",
        "67e5504410b1426f9247bb680e5fe0c8",
        &"9".repeat(5000),
    ] {
        for (method, path, body) in [
            ("GET", format!("/things/{bad}"), ""),
            ("PUT", format!("/things/{bad}"), "{}"),
            ("PATCH", format!("/things/{bad}/key"), r#"{"key":"k"}"#),
            ("GET", format!("/things/{bad}/channels"), ""),
            ("GET", format!("/things/{bad}/certs"), ""),
            (
                "POST",
                format!("/things/{bad}/certs"),
                r#"{"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}"#,
            ),
            ("DELETE", format!("/things/{thing}/certs/{bad}"), ""),
            ("POST", format!("/things/{thing}/certs/{bad}/revoke"), ""),
            ("GET", format!("/channels/{bad}"), ""),
            ("PUT", format!("/channels/{bad}"), "{}"),
            ("GET", format!("/channels/{bad}/things"), ""),
            ("PUT", format!("/channels/{bad}/things/{thing}"), ""),
            ("PUT", format!("/channels/{channel}/things/{bad}"), ""),
            ("DELETE", format!("/channels/{bad}/things/{thing}"), ""),
            ("DELETE", format!("/channels/{channel}/things/{bad}"), ""),
        ] {
            let answer = site.send(method, ALICE, &path, JSON, body).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            assert!(
                answer.json()["code"]
                    .as_str()
                    .unwrap()
                    .ends_with("_not_found"),
                "{path}"
            );
        }
        assert_eq!(
            site.delete(ALICE, &format!("/things/{bad}")).await.status,
            204
        );
        assert_eq!(
            site.delete(ALICE, &format!("/channels/{bad}")).await.status,
            204
        );
    }
}

#[tokio::test]
async fn w25_an_outage_of_users_is_503_and_no_refusal() {
    let site = Site::new().await;
    for token in ["away", "slow"] {
        for (method, path, body) in [
            ("GET", "/things", ""),
            ("POST", "/things", "{}"),
            ("DELETE", "/things/x", ""),
            ("PUT", "/channels/x/things/y", ""),
        ] {
            let answer = site.send(method, token, path, JSON, body).await;
            assert_eq!(answer.status, 503, "{token} {method} {path}");
        }
    }
}

#[tokio::test]
async fn w29_the_total_is_that_of_the_filter_and_wildcards_are_letters() {
    let site = Site::new().await;
    for body in [
        r#"{"name":"50% a,b","metadata":{"serial":"1","floor":2}}"#,
        r#"{"name":"500 AB","metadata":{"serial":"1"}}"#,
        r#"{"name":"a_b"}"#,
    ] {
        site.thing(ALICE, body).await;
        site.channel(ALICE, body).await;
    }
    for (query, total) in [
        ("name=%25", 1),
        ("name=_", 1),
        ("name=a,B", 1),
        ("name=ab", 1),
        ("name=a", 3),
        ("metadata=%7B%22serial%22:%221%22%7D", 2),
        ("metadata=%7B%22serial%22:%221%22,%22floor%22:2%7D", 1),
        ("metadata=%7B%22serial%22:%222%22%7D", 0),
        ("metadata=%7B%22serial%22:%221%22%7D&name=ab", 1),
        ("metadata=%7B%7D", 3),
    ] {
        for kind in ["things", "channels"] {
            let page = site.get(ALICE, &format!("/{kind}?{query}")).await.json();
            assert_eq!(page["total"], total, "{kind} {query}");
            assert_eq!(
                page[kind].as_array().unwrap().len(),
                total,
                "{kind} {query}"
            );
        }
    }
}
