use serde_json::json;

use crate::{ALICE, BOB, JSON, NOBODY, Site};

#[tokio::test]
async fn a_channel_is_created_read_replaced_and_deleted() {
    let site = Site::new().await;
    let answer = site
        .json(
            "POST",
            ALICE,
            "/channels",
            r#"{"name":"mychan","key":"ignored"}"#,
        )
        .await;
    assert_eq!(answer.body, "");
    let id = answer.created();
    let path = format!("/channels/{id}");
    assert_eq!(answer.header("location"), path);
    let read = site.get(ALICE, &path).await;
    assert_eq!(
        read.body,
        format!("{{\"id\":\"{id}\",\"name\":\"mychan\"}}\n")
    );
    let put = site
        .json("PUT", ALICE, &path, r#"{"metadata":{"a":1}}"#)
        .await;
    assert_eq!(
        (put.status.as_u16(), put.header("content-type")),
        (200, JSON)
    );
    let changed = json!({"id": id, "metadata": {"a": 1}});
    assert_eq!(site.get(ALICE, &path).await.json(), changed);
    let page = site.get(ALICE, "/channels?limit=5").await.json();
    assert_eq!(
        page,
        json!({"total": 1, "offset": 0, "limit": 5, "channels": [changed]})
    );
    for token in [BOB, ALICE, ALICE] {
        assert_eq!(site.delete(token, &path).await.status, 204);
    }
    assert_eq!(site.get(ALICE, &path).await.status, 404);
}

#[tokio::test]
async fn what_is_not_the_callers_is_404() {
    let site = Site::new().await;
    let id = site.channel(ALICE, "{}").await;
    for (token, id) in [(BOB, id.as_str()), (ALICE, NOBODY), (ALICE, "x")] {
        let path = format!("/channels/{id}");
        assert_eq!(site.get(token, &path).await.status, 404);
        assert_eq!(site.json("PUT", token, &path, "{}").await.status, 404);
    }
}

#[tokio::test]
async fn checks_come_in_the_order_of_0_9() {
    let site = Site::new().await;
    for (token, ty, body, status) in [
        ("", "", "{}", 415),
        ("", JSON, "[]", 400),
        ("", JSON, "{}", 403),
        ("stranger", JSON, r#"{"metadata":1}"#, 400),
        ("stranger", JSON, "{}", 403),
    ] {
        let answer = site.send("POST", token, "/channels", ty, body).await;
        assert_eq!(answer.status, status, "{token} {ty} {body}");
    }
    assert_eq!(site.get("", "/channels?offset=-1").await.status, 400);
    assert_eq!(site.get("", "/channels").await.status, 403);
    assert_eq!(
        site.get("stranger", "/channels?limit=101").await.status,
        400
    );
}
