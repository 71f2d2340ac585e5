//! The routes of 0.9: contract sections 0.2, 1.1 and rows 1 to 5 and 24 of the walkthrough.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::json;

use crate::{App, JOHN, request};

#[tokio::test]
async fn a_user_is_created_once() {
    let app = App::new().await;
    let answer = app.register(JOHN, "123").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.body, "");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(!answer.headers.contains_key("location"));
    let answer = app.register(JOHN, "other").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.code(), "email_taken");
    let answer = app.register("John.doe@email.com", "123").await;
    assert_eq!(answer.status, StatusCode::CREATED, "case counts");
}

#[tokio::test]
async fn a_token_is_issued_to_who_knows_the_password() {
    let app = App::new().await;
    app.register(JOHN, "123").await;
    let answer = app.login(JOHN, "123").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(answer.body.ends_with("\"}\n"));
    assert!(answer.json()["token"].is_string());
    for (email, password) in [
        (JOHN, "124"),
        ("jane@email.com", "123"),
        ("John.doe@email.com", "123"),
    ] {
        let answer = app.login(email, password).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.code(), "credentials_wrong");
    }
}

#[tokio::test]
async fn a_body_is_checked_in_the_order_of_0_9() {
    let app = App::new().await;
    for path in ["/users", "/tokens"] {
        let send = async |content_type: &str, body: &'static str| {
            let request = request(Method::POST, path, "").header("content-type", content_type);
            app.send(request.body(Body::from(body)).unwrap()).await
        };
        let good = r#"{"email":"john.doe@email.com","password":"123"}"#;
        for content_type in ["", "text/plain", "application/senml+json"] {
            let answer = send(content_type, good).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"email":"john","password":"123"}"#,
            r#"{"email":"john.doe@email.com"}"#,
            r#"{"email":"john.doe@email.com","password":""}"#,
            r#"{"email":"john.doe@email.com","password":null}"#,
            r#"{"email":"john.doe@email.com","password":123}"#,
            r#"{"email":"john.doe@email.com","password":"123","metadata":"x"}"#,
            r#"{"email":"john.doe@email.com","password":"123","metadata":[]}"#,
            r#"{"email":"john.doe@email.com","password":"12\u0000"}"#,
            r#"{"email":"john.doe@email.com","password":"12\ud800"}"#,
        ] {
            let answer = send("application/json", body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body}");
            answer.code();
        }
        let lenient =
            r#"{"EMAIL":"john.doe@email.com","Password":"123","metadata":null,"x":1} tail"#;
        let answer = send("application/json; charset=utf-8", lenient).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{path}");
    }
}

#[tokio::test]
async fn lengths_are_bounded() {
    let app = App::with(|config| {
        config.metadata_max_bytes = 100;
        config.metadata_max_depth = 2;
    })
    .await;
    let register = async |password: &str, metadata| {
        let body = json!({"email": JOHN, "password": password, "metadata": metadata});
        app.json(Method::POST, "/users", "", &body).await
    };
    let answer = register(&"x".repeat(1025), json!({})).await;
    assert_eq!(answer.code(), "password_too_long");
    for metadata in [
        json!({"a": "x".repeat(100)}),
        json!({"a": {"b": {}}}),
        json!({"a\0": 1}),
    ] {
        let answer = register("123", metadata).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let answer = register("123", json!({"a": "x".repeat(100_000)})).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = register(&"x".repeat(1024), json!({"a": {"b": 1}})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_user_sees_their_own_profile() {
    let app = App::new().await;
    let token = app.token().await;
    for token in [
        token.clone(),
        format!("Bearer {token}"),
        format!("bearer {token}"),
    ] {
        let answer = app.empty(Method::GET, "/users", &token).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, "{\"email\":\"john.doe@email.com\"}\n");
    }
    let body = json!({"email": "jane@email.com", "password": "123", "metadata": {"b": {"z": "<", "y": 1}, "a": []}});
    app.json(Method::POST, "/users", "", &body).await;
    let answer = app.login("jane@email.com", "123").await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let answer = app.empty(Method::GET, "/users", &token).await;
    let expected = r#"{"email":"jane@email.com","metadata":{"a":[],"b":{"y":1,"z":"\u003c"}}}"#;
    assert_eq!(answer.body.trim_end(), expected);
}

#[tokio::test]
async fn without_a_good_token_the_answer_is_403_as_in_0_9() {
    let app = App::new().await;
    for (token, code) in [
        ("", "token_missing"),
        ("Bearer ", "token_missing"),
        ("wrong", "token_invalid"),
        ("Basic am9objoxMjM=", "token_invalid"),
    ] {
        let answer = app.empty(Method::GET, "/users", token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{token}");
        assert_eq!(answer.code(), code);
    }
}

#[tokio::test]
async fn strays_are_treated_as_by_the_router_of_0_9() {
    let app = App::new().await;
    for path in ["/nothing", "/tokens/1"] {
        let answer = app.empty(Method::GET, path, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.body, "404 page not found\n");
    }
    let answer = app.empty(Method::GET, "/tokens", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = app.empty(Method::POST, "/users/", "").await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.headers["location"], "/users");
}

#[tokio::test]
async fn passwords_can_be_made_longer_than_in_0_9() {
    let app = App::with(|config| config.password_min = 8).await;
    let answer = app.register(JOHN, "1234567").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "password_too_short");
    assert_eq!(
        app.register(JOHN, "12345678").await.status,
        StatusCode::CREATED
    );
}
