//! No secret is logged (wart W11).

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use model::{Credentials, Secret};
use proto::things::Things;
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::{ALICE, Answer, BOB, Site};

/// What all tests of this binary log: a subscriber for one thread alone would miss what others registered first.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_span_events(FmtSpan::NEW)
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

/// Does everything that has to do with keys, each in a way that works and in ways that do not.
async fn walk(site: &Site) -> Answer {
    let thing = site.thing(ALICE, r#"{"key":"hunter-one"}"#).await;
    let given = site.thing(ALICE, "{}").await;
    let channel = site.channel(ALICE, r#"{"name":"c"}"#).await;
    let path = format!("/channels/{channel}/things/{thing}");
    site.send("PUT", ALICE, &path, "", "").await;
    for token in [ALICE, BOB, "hunter-token", "away"] {
        for body in [
            r#"{"key":"hunter-one"}"#,
            r#"{"key":["hunter"]}"#,
            r#"{"key":"hunter\n"}"#,
            r#"{"metadata":"hunter"}"#,
            r#"[{"key":"hunter-two"}]"#,
        ] {
            for path in ["/things", "/things/bulk"] {
                site.json("POST", token, path, body).await;
            }
            let key = format!("/things/{thing}/key");
            site.json("PATCH", token, &key, body).await;
            let certificates = format!("/things/{thing}/certs");
            let pem = body.replace("key", "pem");
            site.json("POST", token, &certificates, &pem).await;
        }
        site.get(token, "/things?name=hunter&metadata={%22hunter%22:1}")
            .await;
        site.get(token, "/things?metadata=hunter").await;
    }
    for token in ["hunter-one", "hunter-none"] {
        site.auth("/identify", &json!({"token": token})).await;
        let access = format!("/channels/{channel}/access");
        site.auth(&access, &json!({"token": token})).await;
        let credentials = Credentials::Pair(given.parse().unwrap(), Secret::from(token));
        site.service.authenticate(&credentials).await.unwrap_err();
    }
    site.get(ALICE, &format!("/things/{given}")).await
}

#[tokio::test]
async fn w11_neither_keys_nor_tokens_nor_addresses_are_logged() {
    let site = Site::new().await;
    let thing = walk(&site).await.json();
    site.delete(ALICE, &format!("/things/{}", thing["id"].as_str().unwrap()))
        .await;
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
    for expected in ["store_things", "update_key", "authenticate", "delete_thing"] {
        assert!(log.contains(expected), "{log}");
    }
    let key = thing["key"].as_str().unwrap();
    for secret in ["hunter", key, "@example.com", "a secret of the test"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
