use serde_json::json;

use crate::{ALICE, BOB, NOBODY, Site};

#[tokio::test]
async fn things_are_connected_without_a_body() {
    let site = Site::new().await;
    let (thing, channel) = (
        site.thing(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    );
    let path = format!("/channels/{channel}/things/{thing}");
    for _ in 0..2 {
        let put = site.send("PUT", ALICE, &path, "", "").await;
        assert_eq!((put.status.as_u16(), put.body.as_str()), (200, ""));
    }
    let things = site
        .get(ALICE, &format!("/channels/{channel}/things"))
        .await
        .json();
    assert_eq!(
        (&things["total"], &things["things"][0]["id"]),
        (&json!(1), &json!(thing))
    );
    let channels = site
        .get(ALICE, &format!("/things/{thing}/channels?offset=0&limit=1"))
        .await
        .json();
    assert_eq!(
        channels,
        json!({"total": 1, "offset": 0, "limit": 1, "channels": [{"id": channel}]})
    );
    for (token, status) in [(BOB, 404), (ALICE, 204), (ALICE, 404)] {
        assert_eq!(site.delete(token, &path).await.status, status);
    }
}

#[tokio::test]
async fn both_sides_have_to_be_the_callers() {
    let site = Site::new().await;
    let (thing, channel) = (
        site.thing(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    );
    let (theirs, elsewhere) = (site.thing(BOB, "{}").await, site.channel(BOB, "{}").await);
    for (channel, thing) in [
        (channel.as_str(), theirs.as_str()),
        (&elsewhere, &thing),
        (&elsewhere, &theirs),
        (&channel, NOBODY),
        (NOBODY, &thing),
    ] {
        let path = format!("/channels/{channel}/things/{thing}");
        assert_eq!(site.send("PUT", ALICE, &path, "", "").await.status, 404);
        assert_eq!(site.delete(ALICE, &path).await.status, 404);
    }
}

#[tokio::test]
async fn lists_of_what_is_not_the_callers_are_empty() {
    let site = Site::new().await;
    let (thing, channel) = (
        site.thing(ALICE, "{}").await,
        site.channel(ALICE, "{}").await,
    );
    let path = format!("/channels/{channel}/things/{thing}");
    assert_eq!(site.send("PUT", ALICE, &path, "", "").await.status, 200);
    for (token, thing, channel) in [
        (BOB, thing.as_str(), channel.as_str()),
        (ALICE, NOBODY, NOBODY),
    ] {
        let things = site
            .get(token, &format!("/channels/{channel}/things"))
            .await;
        assert_eq!(
            things.json(),
            json!({"total": 0, "offset": 0, "limit": 10, "things": []})
        );
        let channels = site.get(token, &format!("/things/{thing}/channels")).await;
        assert_eq!(
            channels.json(),
            json!({"total": 0, "offset": 0, "limit": 10, "channels": []})
        );
    }
    assert_eq!(site.get(ALICE, "/things/x/channels").await.status, 404);
    assert_eq!(site.get(ALICE, "/channels/x/things").await.status, 404);
    assert_eq!(
        site.get(ALICE, "/channels/x/things?limit=0").await.status,
        400
    );
}
