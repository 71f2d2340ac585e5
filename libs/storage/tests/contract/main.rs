//! What both databases do alike, and what the rest of the platform relies on; each test runs on every database at hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod bulk;
mod dialect;
mod errors;
mod functions;
mod limits;
mod locks;
mod migrations;
mod outbox;
mod plans;
mod transactions;

use storage::{Db, Migration, Settings, Sql};
use uuid::Uuid;

/// Returns an empty SQLite database, and an empty schema of PostgreSQL when `TEST_POSTGRES_URL` names a server.
async fn databases() -> Vec<Db> {
    let mut databases = vec![storage::open(&Settings::sqlite_memory()).await.unwrap()];
    if let Some(settings) = postgres() {
        databases.push(storage::open(&settings).await.unwrap());
    }
    databases
}

/// Returns the databases with a table made on each.
async fn with_table(sql: &'static str) -> Vec<Db> {
    let databases = databases().await;
    for db in &databases {
        let (version, name, sql) = (1, "test", Sql::Both(sql));
        db.migrate(&[Migration { version, name, sql }])
            .await
            .unwrap();
    }
    databases
}

/// Returns an empty schema of the PostgreSQL server for tests, if there is one.
fn postgres() -> Option<Settings> {
    let url = postgres_url()?;
    let schema = format!("test_{}", Uuid::new_v4().simple());
    Some(Settings::postgres_schema(&url, &schema).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the environment of the test run")]
fn postgres_url() -> Option<String> {
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

async fn count(db: &Db) -> i64 {
    let rows = db
        .query("SELECT COUNT(*) AS count FROM t", &[])
        .await
        .unwrap();
    rows[0].get("count").unwrap()
}
