//! No secret is logged (wart W11).

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use http::Method;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use crate::{App, JOHN};

/// What all tests of this binary log: a subscriber for one thread alone would miss what others registered first.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    log
});

/// Keeps what is logged from now on.
pub(crate) fn keep() {
    LazyLock::force(&LOG);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn w11_neither_passwords_nor_tokens_nor_addresses_are_logged() {
    let app = App::with(|config| config.secret = "signing-secret".into()).await;
    app.register(JOHN, "hunter-one").await;
    app.register(JOHN, "hunter-one").await;
    app.login(JOHN, "hunter-wrong").await;
    let answer = app.login(JOHN, "hunter-one").await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    app.empty(Method::GET, "/users", &token).await;
    app.empty(Method::GET, "/users", &format!("{token}x")).await;
    for body in [
        json!({"password": {"hunter": 1}}),
        json!({"email": JOHN, "password": 770_077}),
        json!({"email": JOHN, "password": "hunter", "metadata": "hunter"}),
        json!({"email": [JOHN]}),
    ] {
        app.json(Method::POST, "/tokens", "", &body).await;
        app.json(Method::POST, "/users", "", &body).await;
    }
    let body = json!({"metadata": {"hunter": "hunter"}});
    app.json(Method::PUT, "/users", &token, &body).await;
    app.change_password(&token, "hunter-wrong", "hunter-two")
        .await;
    app.change_password(&token, "hunter-one", "hunter-two")
        .await;
    app.refusal(&token).await;
    let answer = app.login(JOHN, "hunter-two").await;
    let again = answer.json()["token"].as_str().unwrap().to_owned();
    app.empty(Method::DELETE, "/users", &again).await;
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "user created",
        "a password was wrong",
        "password changed",
        "user deleted",
    ] {
        assert!(log.contains(expected), "{log}");
    }
    for secret in [
        "hunter",
        "770077",
        "signing-secret",
        "argon2id",
        JOHN,
        token.as_str(),
        again.as_str(),
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
