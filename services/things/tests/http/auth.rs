use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::{ALICE, Answer, JSON, NOBODY, Site, answer};

impl Site {
    pub(crate) async fn auth(&self, path: &str, body: &Value) -> Answer {
        self.auth_raw(path, JSON, &body.to_string()).await
    }

    pub(crate) async fn auth_raw(&self, path: &str, ty: &str, body: &str) -> Answer {
        let request = Request::post(path).header("content-type", ty);
        answer(
            &self.auth,
            request.body(Body::from(body.to_owned())).unwrap(),
        )
        .await
    }
}

#[tokio::test]
async fn a_key_is_identified() {
    let site = Site::new().await;
    let id = site.thing(ALICE, r#"{"key":"k"}"#).await;
    let known = site.auth("/identify", &json!({"token": "k"})).await;
    assert_eq!(
        (known.status.as_u16(), known.header("content-type")),
        (200, JSON)
    );
    assert_eq!(known.body, format!("{{\"id\":\"{id}\"}}\n"));
    for body in [
        json!({"token": "x"}),
        json!({"token": ""}),
        json!({}),
        json!(null),
    ] {
        assert_eq!(site.auth("/identify", &body).await.status, 403, "{body}");
    }
    assert_eq!(
        site.auth_raw("/identify", "text/plain", "{}").await.status,
        415
    );
    assert_eq!(site.auth_raw("/identify", JSON, "").await.status, 400);
    assert_eq!(site.auth_raw("/identify", JSON, "{").await.status, 400);
    assert_eq!(
        site.auth_raw("/identify", JSON, r#"{"token":1}"#)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn access_needs_a_connection() {
    let site = Site::new().await;
    let thing = site.thing(ALICE, r#"{"key":"k"}"#).await;
    let channel = site.channel(ALICE, "{}").await;
    let (by_key, by_id) = (
        format!("/channels/{channel}/access"),
        format!("/channels/{channel}/access-by-id"),
    );
    let (key, id) = (json!({"token": "k"}), json!({"thing_id": thing}));
    assert_eq!(site.auth(&by_key, &key).await.status, 403);
    assert_eq!(site.auth(&by_id, &id).await.status, 403);
    let put = site
        .send(
            "PUT",
            ALICE,
            &format!("/channels/{channel}/things/{thing}"),
            "",
            "",
        )
        .await;
    assert_eq!(put.status, 200);
    assert_eq!(site.auth(&by_key, &key).await.json(), json!({"id": thing}));
    let allowed = site.auth(&by_id, &id).await;
    assert_eq!((allowed.status.as_u16(), allowed.body.as_str()), (200, ""));
    for body in [
        json!({}),
        json!({"token": "x"}),
        json!({"thing_id": NOBODY}),
        json!({"thing_id": "x"}),
    ] {
        assert_eq!(site.auth(&by_key, &body).await.status, 403);
        assert_eq!(site.auth(&by_id, &body).await.status, 403);
    }
    for channel in ["x", "", NOBODY, "%00"] {
        assert_eq!(
            site.auth(&format!("/channels/{channel}/access"), &key)
                .await
                .status,
            403
        );
        assert_eq!(
            site.auth(&format!("/channels/{channel}/access-by-id"), &id)
                .await
                .status,
            403
        );
    }
}
