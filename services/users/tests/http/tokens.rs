//! Tokens can be revoked (wart W12).

use http::{Method, StatusCode};

use crate::{App, JOHN, wait};

#[tokio::test]
async fn w12_a_token_ends_with_its_user() {
    let app = App::new().await;
    let token = app.token().await;
    assert_eq!(app.refusal(&token).await, None);
    app.empty(Method::DELETE, "/users", &token).await;
    assert_eq!(app.refusal(&token).await.as_deref(), Some("token_revoked"));
    app.register(JOHN, "123").await;
    let refusal = app.refusal(&token).await;
    assert_eq!(
        refusal.as_deref(),
        Some("token_revoked"),
        "the address is the same, the user is not"
    );
    let answer = app.empty(Method::GET, "/users", &token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn w12_a_token_ends_with_the_password_even_within_a_second() {
    let app = App::new().await;
    let before = app.token().await;
    let answer = app.change_password(&before, "123", "456").await;
    assert_eq!(answer.status, StatusCode::OK);
    let after = app.login(JOHN, "456").await;
    let after = after.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(app.refusal(&before).await.as_deref(), Some("token_revoked"));
    assert_eq!(app.refusal(&after).await, None);
    let answer = app.change_password(&before, "456", "789").await;
    assert_eq!(answer.code(), "token_revoked");
}

#[tokio::test]
async fn w12_a_token_ends_after_ten_hours() {
    let app = App::new().await;
    let token = app.token().await;
    wait(10 * 60 * 60 - 1);
    assert_eq!(app.refusal(&token).await, None);
    wait(1);
    assert_eq!(app.refusal(&token).await.as_deref(), Some("token_expired"));
}

#[tokio::test]
async fn a_token_of_another_installation_is_refused() {
    let token = App::new().await.token().await;
    let app = App::with(|config| config.secret = "another secret".into()).await;
    app.token().await;
    assert_eq!(app.refusal(&token).await.as_deref(), Some("token_invalid"));
}

#[tokio::test]
async fn the_caller_is_known_by_id_and_address() {
    let app = App::new().await;
    let token = app.token().await;
    let users: &dyn proto::users::Users = app.users.as_ref();
    let caller = users.authenticate(&token.as_str().into()).await.unwrap();
    assert_eq!(caller.email, JOHN);
    let again = app.token().await;
    let again = users.authenticate(&again.as_str().into()).await.unwrap();
    assert_eq!(again, caller);
}
