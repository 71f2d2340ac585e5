//! Guessing passwords is limited (wart W12).

use http::{Method, StatusCode};
use serde_json::json;

use crate::{App, JOHN, wait};

#[tokio::test]
async fn w12_guesses_for_one_account_are_limited() {
    let app = App::with(|config| config.login_attempts = 3).await;
    let token = app.token().await;
    for _ in 0..3 {
        assert_eq!(app.login(JOHN, "wrong").await.status, StatusCode::FORBIDDEN);
    }
    let answer = app.login(JOHN, "123").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.code(), "too_many_attempts");
    let answer = app.change_password(&token, "123", "456").await;
    assert_eq!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS,
        "no way around"
    );
    assert_eq!(app.refusal(&token).await, None, "who is logged in stays so");
    wait(10 * 60);
    assert_eq!(app.login(JOHN, "123").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn w12_an_unknown_account_is_limited_like_any_other() {
    let app = App::with(|config| config.login_attempts = 2).await;
    for _ in 0..2 {
        assert_eq!(app.login(JOHN, "wrong").await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(
        app.login(JOHN, "wrong").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn w12_guesses_from_one_address_are_limited() {
    let app = App::with(|config| config.login_attempts_per_address = 2).await;
    app.register(JOHN, "123").await;
    let login = async |peer: &str, email: &str| {
        let body = json!({"email": email, "password": "123"});
        app.json_from(peer, Method::POST, "/tokens", "", &body)
            .await
            .status
    };
    for email in ["a@email.com", "b@email.com"] {
        assert_eq!(login("192.0.2.1", email).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(
        login("192.0.2.1", JOHN).await,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(login("192.0.2.2", JOHN).await, StatusCode::CREATED);
}

#[tokio::test]
async fn w12_strangers_do_not_lock_the_owner_out() {
    let app = App::with(|config| config.login_attempts = 2).await;
    app.token().await;
    let login = async |peer: &str, password: &str| {
        let body = json!({"email": JOHN, "password": password});
        app.json_from(peer, Method::POST, "/tokens", "", &body)
            .await
            .status
    };
    for peer in ["198.51.100.1", "198.51.100.2"] {
        assert_eq!(login(peer, "wrong").await, StatusCode::FORBIDDEN);
    }
    let refused = StatusCode::TOO_MANY_REQUESTS;
    assert_eq!(login("198.51.100.3", "123").await, refused);
    assert_eq!(login("192.0.2.1", "123").await, StatusCode::CREATED);
}

#[tokio::test]
async fn logins_that_succeed_are_not_limited() {
    let app = App::with(|config| {
        config.login_attempts = 1;
        config.login_attempts_per_address = 1;
    })
    .await;
    app.register(JOHN, "123").await;
    for _ in 0..5 {
        assert_eq!(app.login(JOHN, "123").await.status, StatusCode::CREATED);
    }
}
