//! No content of a request is a fault of ours.

use axum::body::Body;
use http::Method;
use proptest::prelude::*;
use serde_json::json;

use crate::{App, JOHN, request};

const ROUTES: [(Method, &str); 5] = [
    (Method::POST, "/users"),
    (Method::POST, "/tokens"),
    (Method::PUT, "/users"),
    (Method::PATCH, "/password"),
    (Method::DELETE, "/users"),
];

async fn status(app: &App, method: &Method, path: &str, token: &str, body: &[u8]) -> u16 {
    let request = request(method.clone(), path, token).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_vec())).unwrap();
    app.send(request).await.status.as_u16()
}

#[tokio::test]
async fn what_cannot_be_stored_is_400() {
    let app = App::new().await;
    let token = app.token().await;
    let deep = |levels| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"metadata":{{"a":{open}{close}}}}}"#)
    };
    let repeated = r#"{"metadata":{"a":1},"metadata":[]}"#.to_owned();
    for body in [
        r#"{"metadata":{"a":"\u0000"}}"#.to_owned(),
        r#"{"metadata":{"\u0000":1}}"#.to_owned(),
        r#"{"metadata":{"a":"\ud800"}}"#.to_owned(),
        r#"{"metadata":{"a":1e400}}"#.to_owned(),
        r#"{"metadata":"#.to_owned(),
        deep(40),
        deep(10_000),
        repeated,
    ] {
        let answer = status(&app, &Method::PUT, "/users", &token, body.as_bytes()).await;
        assert_eq!(answer, 400, "{body:.60}");
    }
    let invalid = b"{\"metadata\":{\"a\":\"\xff\"}}";
    let answer = status(&app, &Method::PUT, "/users", &token, invalid).await;
    assert_eq!(answer, 400, "not UTF-8");
}

#[tokio::test]
async fn any_text_comes_back_as_it_was() {
    let app = App::new().await;
    let token = app.token().await;
    let metadata =
        json!({"\u{202e}rtl": "\u{1f980}\u{10ffff}", "n": 1e308, "a\u{1}": "\u{feff}\u{7f}"});
    let body = json!({"metadata": metadata}).to_string();
    let answer = status(&app, &Method::PUT, "/users", &token, body.as_bytes()).await;
    assert_eq!(answer, 200);
    let profile = app.empty(Method::GET, "/users", &token).await.json();
    assert_eq!(profile, json!({"email": JOHN, "metadata": metadata}));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_is_sent_is_a_fault_of_ours(
        body in "\\{\"(email|password|old_password|metadata)\":[\\[\\]{}\",:a0@.\\\\u-]{0,30}\\}?|(?s).{0,30}",
        raw in proptest::collection::vec(any::<u8>(), 0..40),
        token in "[ -~]{0,40}|[a-zA-Z0-9_-]{0,20}\\.[a-zA-Z0-9_-]{0,20}\\.[a-zA-Z0-9_-]{0,20}",
        segment in "[a-z0-9%.~:/?&=-]{0,40}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::new().await;
            for (method, path) in ROUTES {
                for token in ["", token.as_str()] {
                    for body in [body.as_bytes(), raw.as_slice()] {
                        let answer = status(&app, &method, path, token, body).await;
                        assert!(answer < 500, "{method} {path}: {answer}");
                    }
                }
                let stray = format!("{path}/{segment}");
                assert!(status(&app, &method, &stray, &token, b"{}").await < 500, "{stray}");
            }
        });
    }
}
