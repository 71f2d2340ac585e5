use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use model::ChannelId;
use std::sync::atomic::Ordering;

use crate::{KEY, Site, TOKEN};

#[tokio::test]
async fn the_key_of_a_thing_and_the_token_of_the_owner_open_a_channel() {
    let site = Site::new().await;
    let path = format!("/channels/{}/messages", site.channel);
    let basic = STANDARD.encode(format!("{}:{KEY}", site.thing));
    for authorization in [
        KEY.to_owned(),
        format!("Thing {KEY}"),
        format!("Basic {basic}"),
        TOKEN.to_owned(),
        format!("Bearer {TOKEN}"),
        format!("bearer {TOKEN}"),
    ] {
        let answer = site.ask(&path, &authorization).await;
        assert_eq!(answer.status, StatusCode::OK, "{authorization}");
    }
}

#[tokio::test]
async fn keys_that_look_like_tokens_and_tokens_that_look_like_keys_work_too() {
    let site = Site::new().await;
    {
        let mut state = site.stage.things.state.lock();
        state.keys.insert("a.b.c".to_owned(), site.thing);
        state.owners.insert(site.channel, "single".to_owned());
    }
    let path = format!("/channels/{}/messages", site.channel);
    for authorization in ["a.b.c", "single", "Bearer single", "Thing a.b.c"] {
        let answer = site.ask(&path, authorization).await;
        assert_eq!(answer.status, StatusCode::OK, "{authorization}");
    }
}

#[tokio::test]
async fn everybody_else_is_refused_before_the_question_is_looked_at() {
    let site = Site::new().await;
    site.stage.things.connected("other");
    let (_, channel) = site.stage.things.connected("third");
    site.stage
        .things
        .state
        .lock()
        .owners
        .insert(channel, "x.y.z".to_owned());
    let path = format!("/channels/{}/messages?limit=0", site.channel);
    for authorization in [
        "",
        "wrong",
        "other",
        "x.y.z",
        "Bearer x.y.z",
        "Bearer wrong",
        "Bearer",
        "Thing wrong",
        "Basic ???",
        &format!("Thing {TOKEN}"),
        &format!("Bearer {KEY}"),
    ] {
        let answer = site.ask(&path, authorization).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{authorization}");
    }
    assert_eq!(site.get("?limit=0").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_channel_that_cannot_be_is_wrong_and_one_that_is_not_is_forbidden() {
    let site = Site::new().await;
    for (channel, status) in [
        (String::new(), 400),
        ("a%20b".to_owned(), 400),
        ("1".to_owned(), 403),
        (ChannelId::random().to_string(), 403),
    ] {
        let answer = site
            .ask(&format!("/channels/{channel}/messages"), KEY)
            .await;
        assert_eq!(answer.status.as_u16(), status, "{channel}");
    }
    let answer = site.ask("/channels/1/other", KEY).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn w25_an_outage_of_things_is_no_refusal() {
    let site = Site::new().await;
    site.stage.things.away.store(true, Ordering::SeqCst);
    for authorization in [KEY, TOKEN] {
        let path = format!("/channels/{}/messages", site.channel);
        let answer = site.ask(&path, authorization).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
