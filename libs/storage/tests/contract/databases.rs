//! The databases at hand; the contracts of history, things and users include this file, too.

use storage::{Db, Settings};
use uuid::Uuid;

/// Returns an empty SQLite database, and an empty schema of PostgreSQL when `TEST_POSTGRES_URL` names a server.
pub(crate) async fn databases() -> Vec<Db> {
    let mut databases = vec![storage::open(&Settings::sqlite_memory()).await.unwrap()];
    if let Some(settings) = postgres() {
        databases.push(storage::open(&settings).await.unwrap());
    }
    databases
}

/// Returns an empty schema of the PostgreSQL server for tests, if there is one.
pub(crate) fn postgres() -> Option<Settings> {
    let url = postgres_url()?;
    let schema = format!("test_{}", Uuid::new_v4().simple());
    Some(Settings::postgres_schema(&url, &schema).unwrap())
}

/// Returns the URL of the PostgreSQL server for tests, if there is one.
#[expect(clippy::disallowed_methods, reason = "the environment of the test run")]
pub(crate) fn postgres_url() -> Option<String> {
    let url = std::env::var("TEST_POSTGRES_URL").ok();
    if url.is_none() {
        assert!(
            std::env::var("CI").is_err(),
            "CI must set TEST_POSTGRES_URL"
        );
        eprintln!("skipped on PostgreSQL: TEST_POSTGRES_URL is not set");
    }
    url
}
