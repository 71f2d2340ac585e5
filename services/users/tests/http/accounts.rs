//! What users could not do in 0.9 (wart W42).

use http::{Method, StatusCode};
use proto::{Change, Event};
use serde_json::json;
use storage::outbox;

use crate::{App, JOHN};

async fn changes(app: &App) -> Vec<Change> {
    let events = outbox::pending(&app.db, 100).await.unwrap();
    let read = |json: &String| serde_json::from_str::<Event>(json).unwrap().change;
    events.iter().map(|(_, json)| read(json)).collect()
}

#[tokio::test]
async fn w42_metadata_is_replaced() {
    let app = App::new().await;
    let token = app.token().await;
    let put = async |body| app.json(Method::PUT, "/users", &token, &body).await;
    let metadata = async || {
        let answer = app.empty(Method::GET, "/users", &token).await;
        answer.json()["metadata"].clone()
    };
    let answer = put(json!({"metadata": {"a": 1}, "email": "other@email.com"})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "");
    assert_eq!(metadata().await, json!({"a": 1}));
    put(json!({"metadata": {"b": 2}})).await;
    assert_eq!(metadata().await, json!({"b": 2}));
    assert_eq!(put(json!({})).await.status, StatusCode::OK);
    assert_eq!(metadata().await, json!(null));
    assert_eq!(
        put(json!({"metadata": 1})).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn w42_a_password_is_changed_by_who_knows_it() {
    let app = App::with(|config| config.password_min = 3).await;
    let token = app.token().await;
    for (old, new, code) in [
        ("", "456", "password_missing"),
        ("123", "", "password_missing"),
        ("123", "45", "password_too_short"),
    ] {
        let answer = app.change_password(&token, old, new).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.code(), code);
    }
    let answer = app.change_password(&token, "124", "456").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.code(), "password_wrong");
    let answer = app.change_password(&token, "123", "456").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(app.login(JOHN, "123").await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.login(JOHN, "456").await.status, StatusCode::CREATED);
    assert!(matches!(
        changes(&app).await[..],
        [Change::UserCreated { .. }, Change::PasswordChanged { .. }]
    ));
}

#[tokio::test]
async fn w42_a_user_deletes_their_own_account() {
    let app = App::new().await;
    let token = app.token().await;
    app.register("jane@email.com", "123").await;
    let answer = app.empty(Method::DELETE, "/users", &token).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.body, "");
    assert_eq!(app.login(JOHN, "123").await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        app.login("jane@email.com", "123").await.status,
        StatusCode::CREATED
    );
    let changes = changes(&app).await;
    let [
        Change::UserCreated { id: john },
        Change::UserCreated { .. },
        Change::UserRemoved { id },
    ] = changes[..]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(id, john);
    assert_eq!(
        app.register(JOHN, "123").await.status,
        StatusCode::CREATED,
        "the address is free"
    );
}

#[tokio::test]
async fn new_routes_have_plain_statuses() {
    let app = App::new().await;
    let body = json!({"metadata": {}, "old_password": "1", "password": "2"});
    for (method, path) in [
        (Method::PUT, "/users"),
        (Method::PATCH, "/password"),
        (Method::DELETE, "/users"),
    ] {
        for (token, code) in [("", "token_missing"), ("wrong", "token_invalid")] {
            let answer = app.json(method.clone(), path, token, &body).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(answer.code(), code);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let answer = app.empty(Method::PUT, "/users", "wrong").await;
    assert_eq!(
        answer.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body comes first"
    );
}
