use serde_json::json;

use crate::{ALICE, BOB, JSON, NOBODY, Site};

#[tokio::test]
async fn things_are_created_at_once_or_not_at_all() {
    let site = Site::new().await;
    let body = r#"[{"name":"a","key":"ka","metadata":{"x":1}},{}]"#;
    let answer = site.json("POST", ALICE, "/things/bulk", body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let created = answer.json();
    let things = created["things"].as_array().unwrap();
    assert_eq!((created.as_object().unwrap().len(), things.len()), (1, 2));
    for thing in things {
        let path = format!("/things/{}", thing["id"].as_str().unwrap());
        assert_eq!(&site.get(ALICE, &path).await.json(), thing);
    }
    let taken = site
        .json("POST", ALICE, "/things/bulk", r#"[{},{"key":"ka"}]"#)
        .await;
    assert_eq!(taken.status, 422);
    assert_eq!(site.get(ALICE, "/things").await.json()["total"], 2);
}

#[tokio::test]
async fn channels_are_created_at_once() {
    let site = Site::new().await;
    let answer = site
        .json(
            "POST",
            ALICE,
            "/channels/bulk",
            r#"[{"name":"a"},{"name":"b"}]"#,
        )
        .await;
    assert_eq!(answer.status, 201);
    let created = answer.json();
    let id = created["channels"][1]["id"].as_str().unwrap();
    let read = site.get(ALICE, &format!("/channels/{id}")).await;
    assert_eq!(read.json(), json!({"id": id, "name": "b"}));
}

#[tokio::test]
async fn everything_is_connected_at_once_or_nothing() {
    let site = Site::new().await;
    let things = [site.thing(ALICE, "{}").await, site.thing(ALICE, "{}").await];
    let channels = [
        site.channel(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    ];
    let body = json!({"channel_ids": channels, "thing_ids": things}).to_string();
    let list = format!("/channels/{}/things", channels[1]);
    let count = async || site.get(ALICE, &list).await.json()["total"].clone();
    for (thing, status) in [(NOBODY, 404), ("x", 404), ("", 400)] {
        let body = json!({"channel_ids": channels, "thing_ids": [things[0], thing]}).to_string();
        assert_eq!(
            site.json("POST", ALICE, "/connect", &body).await.status,
            status
        );
        assert_eq!(count().await, 0);
    }
    assert_eq!(site.json("POST", BOB, "/connect", &body).await.status, 404);
    let connected = site.json("POST", ALICE, "/connect", &body).await;
    assert_eq!(
        (connected.status.as_u16(), connected.body.as_str()),
        (200, "")
    );
    assert_eq!(count().await, 2);
    for (token, status) in [(BOB, 404), (ALICE, 200), (ALICE, 404)] {
        assert_eq!(
            site.json("PUT", token, "/disconnect", &body).await.status,
            status
        );
    }
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn lists_are_bounded() {
    let site = Site::new().await;
    let ids = |count| json!({"channel_ids": vec![NOBODY; count], "thing_ids": vec![NOBODY; 2]});
    for (path, body) in [
        ("/things/bulk", json!([])),
        ("/things/bulk", json!(vec![json!({}); 6])),
        ("/channels/bulk", json!([])),
        ("/channels/bulk", json!(vec![json!({}); 6])),
        ("/connect", json!({})),
        ("/connect", json!(null)),
        ("/connect", ids(0)),
        ("/connect", ids(3)),
    ] {
        let answer = site.json("POST", ALICE, path, &body.to_string()).await;
        assert_eq!(answer.status, 400, "{path} {body}");
        assert_eq!(answer.json()["code"], "list_length");
    }
    assert_eq!(
        site.json("POST", ALICE, "/connect", &ids(2).to_string())
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn checks_come_in_the_order_of_0_9() {
    let site = Site::new().await;
    for path in ["/things/bulk", "/channels/bulk", "/connect"] {
        assert_eq!(site.send("POST", "", path, "", "[]").await.status, 415);
        assert_eq!(site.send("POST", "", path, JSON, "x").await.status, 400);
        assert_eq!(
            site.send("POST", "", path, JSON, "null").await.status,
            403,
            "{path}"
        );
    }
    let bad = r#"[{},{"metadata":1}]"#;
    assert_eq!(
        site.json("POST", "stranger", "/things/bulk", bad)
            .await
            .status,
        400
    );
    assert_eq!(
        site.json("POST", "stranger", "/channels/bulk", bad)
            .await
            .status,
        400
    );
    assert_eq!(
        site.json("POST", "stranger", "/things/bulk", "[{}]")
            .await
            .status,
        403
    );
}
