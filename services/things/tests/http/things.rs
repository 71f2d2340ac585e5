use serde_json::json;

use crate::{ALICE, BOB, JSON, NOBODY, Site};

#[tokio::test]
async fn create_answers_with_a_relative_location_and_nothing_else() {
    let site = Site::new().await;
    let answer = site
        .json("POST", ALICE, "/things", r#"{"name":"weio"}"#)
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (201, ""));
    assert_eq!(answer.header("content-type"), JSON);
    let id = answer.created();
    assert_eq!(answer.header("location"), format!("/things/{id}"));
    let thing = site.get(ALICE, &format!("/things/{id}")).await;
    assert_eq!(thing.status, 200);
    assert_eq!(thing.header("content-type"), JSON);
    assert!(thing.body.ends_with("}\n"), "{}", thing.body);
    let json = thing.json();
    assert_eq!((&json["id"], &json["name"]), (&json!(id), &json!("weio")));
    assert_eq!(json["key"].as_str().unwrap().len(), 36);
    assert_eq!(json.as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn bodies_look_as_in_0_9() {
    let site = Site::new().await;
    let body = r#"{"name":"a<b","key":"k&1","metadata":{"z":1,"a":{"y":null,"x":[]}}}"#;
    let id = site.thing(ALICE, body).await;
    let thing = site.get(ALICE, &format!("/things/{id}")).await;
    let expected = format!(
        "{{\"id\":\"{id}\",\"name\":\"a\\u003cb\",\"key\":\"k\\u00261\",\
         \"metadata\":{{\"a\":{{\"x\":[],\"y\":null}},\"z\":1}}}}\n"
    );
    assert_eq!(thing.body, expected);
    let page = site.get(ALICE, "/things").await;
    let expected = format!(
        "{{\"total\":1,\"offset\":0,\"limit\":10,\"things\":[{}]}}\n",
        expected.trim()
    );
    assert_eq!(page.body, expected);
    let empty = site.get(BOB, "/things").await;
    assert_eq!(
        empty.body,
        "{\"total\":0,\"offset\":0,\"limit\":10,\"things\":[]}\n"
    );
}

#[tokio::test]
async fn bodies_are_read_as_leniently_as_in_0_9() {
    let site = Site::new().await;
    for body in [
        "null",
        "{}",
        "{} trailing",
        r#"{"Name":null,"KEY":"","metadata":null,"other":[1]}"#,
        r#"{"metadata":{}}"#,
    ] {
        let id = site.thing(ALICE, body).await;
        let thing = site.get(ALICE, &format!("/things/{id}")).await;
        assert_eq!(thing.json().as_object().unwrap().len(), 2, "{body}");
    }
    let id = site.thing(ALICE, r#"{"name":"a","NAME":"b"}"#).await;
    let thing = site.get(ALICE, &format!("/things/{id}")).await;
    assert_eq!(thing.json()["name"], "b");
}

#[tokio::test]
async fn what_a_route_does_not_read_may_hold_anything() {
    let site = Site::new().await;
    let body = r#"{"id":1,"key":["x"],"owner":{}}"#;
    let channel = site.channel(ALICE, body).await;
    let thing = site.thing(ALICE, r#"{"id":1,"owner":{}}"#).await;
    for path in [format!("/things/{thing}"), format!("/channels/{channel}")] {
        assert_eq!(site.json("PUT", ALICE, &path, body).await.status, 200);
    }
}

#[tokio::test]
async fn checks_come_in_the_order_of_0_9() {
    let site = Site::new().await;
    for (token, ty, body, status) in [
        ("", "", "", 415),
        ("", "text/plain", "{}", 415),
        ("", JSON, "", 400),
        ("", JSON, "{", 400),
        ("", JSON, r#"{"name":1}"#, 400),
        ("", JSON, "{}", 403),
        ("stranger", JSON, r#"{"metadata":[]}"#, 400),
        ("stranger", "application/json; charset=utf-8", "{}", 403),
        (ALICE, JSON, "{}", 201),
        ("Bearer alice", JSON, "{}", 201),
    ] {
        let answer = site.send("POST", token, "/things", ty, body).await;
        assert_eq!(answer.status, status, "{token} {ty} {body}");
    }
    for (token, path, status) in [
        ("", "/things?limit=x", 400),
        ("", "/things?metadata=x", 400),
        ("", "/things?limit=0", 403),
        ("stranger", "/things?limit=0", 400),
        ("stranger", "/things", 403),
        ("", "/things/", 403),
        ("stranger", "/things/", 400),
        ("stranger", "/things/x", 403),
    ] {
        let answer = site.get(token, path).await;
        assert_eq!(answer.status, status, "{token} {path}");
    }
}

#[tokio::test]
async fn what_is_malformed_is_400_with_a_code() {
    let site = Site::new().await;
    let (name, key) = ("é".repeat(513), "k".repeat(4097));
    for (body, code) in [
        (json!({"name": name}), "name_malformed"),
        (json!({"name": "a\nb"}), "name_malformed"),
        (json!({"key": key}), "thing_key_malformed"),
        (json!({"key": "a\tb"}), "thing_key_malformed"),
        (json!({"metadata": "text"}), "metadata_malformed"),
        (json!({"metadata": [1]}), "metadata_malformed"),
        (
            json!({"metadata": {"a": "x".repeat(1000)}}),
            "metadata_malformed",
        ),
    ] {
        let answer = site.json("POST", ALICE, "/things", &body.to_string()).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["code"], code);
    }
}

#[tokio::test]
async fn a_key_that_is_taken_is_422_for_everybody() {
    let site = Site::new().await;
    let body = r#"{"key":"mine"}"#;
    site.thing(ALICE, body).await;
    for token in [ALICE, BOB] {
        let answer = site.json("POST", token, "/things", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (422, Some("thing_key_taken"))
        );
        let other = site.thing(token, "{}").await;
        let answer = site
            .json("PATCH", token, &format!("/things/{other}/key"), body)
            .await;
        assert_eq!(answer.status, 422);
    }
}

#[tokio::test]
async fn put_replaces_everything_but_id_and_key() {
    let site = Site::new().await;
    let id = site
        .thing(ALICE, r#"{"name":"a","key":"k","metadata":{"a":1}}"#)
        .await;
    let path = format!("/things/{id}");
    let put = site
        .json(
            "PUT",
            ALICE,
            &path,
            r#"{"id":"x","key":"other","name":"b"}"#,
        )
        .await;
    assert_eq!(
        (
            put.status.as_u16(),
            put.body.as_str(),
            put.header("content-type")
        ),
        (200, "", JSON)
    );
    assert_eq!(
        site.get(ALICE, &path).await.json(),
        json!({"id": id, "name": "b", "key": "k"})
    );
}

#[tokio::test]
async fn patching_the_key_needs_one() {
    let site = Site::new().await;
    let path = format!("/things/{}/key", site.thing(ALICE, "{}").await);
    for body in [
        "{}",
        "null",
        r#"{"key":""}"#,
        &format!(r#"{{"key":"{}"}}"#, "k".repeat(4097)),
    ] {
        assert_eq!(site.json("PATCH", ALICE, &path, body).await.status, 400);
    }
    let patch = site.json("PATCH", ALICE, &path, r#"{"key":"new"}"#).await;
    assert_eq!((patch.status.as_u16(), patch.body.as_str()), (200, ""));
}

#[tokio::test]
async fn what_is_not_the_callers_is_404_and_its_removal_204() {
    let site = Site::new().await;
    let id = site.thing(ALICE, "{}").await;
    for (token, id) in [(BOB, id.as_str()), (ALICE, NOBODY)] {
        let path = format!("/things/{id}");
        assert_eq!(site.get(token, &path).await.status, 404);
        assert_eq!(site.json("PUT", token, &path, "{}").await.status, 404);
        let key = site
            .json("PATCH", token, &format!("{path}/key"), r#"{"key":"x"}"#)
            .await;
        assert_eq!(key.status, 404);
        assert_eq!(site.delete(token, &path).await.status, 204);
    }
    let path = format!("/things/{id}");
    assert_eq!(site.get(ALICE, &path).await.status, 200);
    for _ in 0..2 {
        let deleted = site.delete(ALICE, &path).await;
        assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (204, ""));
    }
    assert_eq!(site.get(ALICE, &path).await.status, 404);
}

#[tokio::test]
async fn a_default_channel_is_put_shown_and_taken_away() {
    let site = Site::new().await;
    let (thing, channel) = (
        site.thing(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    );
    let path = format!("/things/{thing}/default_channel");
    let json = "application/json";
    for (token, channel, status) in [
        (BOB, channel.as_str(), 404),
        (ALICE, NOBODY, 404),
        (ALICE, "", 404),
        (ALICE, &channel, 200),
    ] {
        let body = format!(r#"{{"channel_id":"{channel}"}}"#);
        let put = site.send("PUT", token, &path, json, &body).await;
        assert_eq!(put.status, status, "{channel}");
    }
    let view = async || site.get(ALICE, &format!("/things/{thing}")).await.json();
    assert_eq!(view().await["default_channel"], channel.as_str());
    assert_eq!(site.delete(ALICE, &path).await.status, 204);
    assert_eq!(view().await.get("default_channel"), None);
}
