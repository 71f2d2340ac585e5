//! What both databases do alike, and what the rest of the platform relies on; each test runs on every database at hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod bulk;
mod databases;
mod dialect;
mod errors;
mod functions;
mod limits;
mod load;
mod locks;
mod migrations;
mod outbox;
mod plans;
mod transactions;
mod until;

use databases::{databases, postgres, postgres_url};
use storage::{Db, Migration, Sql};

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

async fn count(db: &Db) -> i64 {
    let rows = db
        .query("SELECT COUNT(*) AS count FROM t", &[])
        .await
        .unwrap();
    rows[0].get("count").unwrap()
}
