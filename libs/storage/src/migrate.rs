use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Db, Error, Result, Tx, functions};

/// One step of a schema, applied once and never edited afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number; numbers ascend within a service.
    pub version: u32,
    /// A short name for the log.
    pub name: &'static str,
    /// Its statements.
    pub sql: Sql,
}

/// The statements of a migration.
#[derive(Clone, Copy, Debug)]
pub enum Sql {
    /// The same for both databases, as it should be.
    Both(&'static str),
    /// For what only one of them has; a test on both shows that nobody sees the difference.
    Each {
        /// The statements for PostgreSQL.
        postgres: &'static str,
        /// The statements for SQLite.
        sqlite: &'static str,
    },
}

impl Sql {
    fn of(self, db: &Db) -> &'static str {
        match (self, db) {
            (Self::Both(sql), _) => sql,
            (Self::Each { postgres, .. }, Db::Postgres(_)) => postgres,
            (Self::Each { sqlite, .. }, Db::Sqlite(_)) => sqlite,
        }
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";
/// A migration, or waiting for that of another process, may take longer than a statement usually may.
const LIMIT: Duration = Duration::from_secs(600);
const EXCLUSIVE: &str = "SET LOCAL statement_timeout = '10min';
    SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ':migrations', 0))";

pub(crate) async fn run(db: &Db, migrations: &[Migration]) -> Result<()> {
    if !migrations.is_sorted_by(|a, b| a.version < b.version) {
        return Err(Error::internal("the numbers of the migrations must ascend"));
    }
    prepare(db).await?;
    for migration in migrations {
        apply(db, migration).await?;
    }
    Ok(())
}

async fn prepare(db: &Db) -> Result<()> {
    let icu = match db {
        Db::Postgres(pool) => Some(pool.has_icu().await?),
        Db::Sqlite(_) => None,
    };
    let tx = exclusive(db).await?;
    tx.batch(TABLE).await?;
    if let Some(icu) = icu {
        tx.batch(&functions::postgres(icu)).await?;
    }
    tx.commit().await
}

/// Begins a transaction in which nobody else migrates; on SQLite that is every transaction.
async fn exclusive(db: &Db) -> Result<Tx> {
    match db.begin().await? {
        Tx::Postgres(mut tx) => {
            tx.set_limit(LIMIT);
            tx.batch(EXCLUSIVE).await?;
            Ok(Tx::Postgres(tx))
        }
        tx @ Tx::Sqlite(_) => Ok(tx),
    }
}

async fn apply(db: &Db, migration: &Migration) -> Result<()> {
    let Migration { version, name, sql } = *migration;
    let sql = sql.of(db);
    let (number, checksum) = (i64::from(version), checksum(sql));
    let tx = exclusive(db).await?;
    let rows = tx
        .query(
            "SELECT version, checksum FROM migrations WHERE version >= $1 ORDER BY version",
            &[&number],
        )
        .await?;
    let Some(row) = rows.first() else {
        tx.batch(sql).await?;
        tx.execute(
            "INSERT INTO migrations (version, name, checksum) VALUES ($1, $2, $3)",
            &[&number, &name, &checksum],
        )
        .await?;
        tx.commit().await?;
        tracing::info!(version, name, "migration applied");
        return Ok(());
    };
    if row.get::<i64>("version")? != number {
        return Err(Error::internal(format!(
            "migration {version} ({name}) is missing, but later ones were applied; give it a higher number"
        )));
    }
    if row.get::<String>("checksum")? != checksum {
        return Err(Error::internal(format!(
            "migration {version} ({name}) was changed after it had been applied; restore its text and put the change into a new migration"
        )));
    }
    Ok(())
}

/// Line ends do not count: some checkouts change them.
fn checksum(sql: &str) -> String {
    let digest = Sha256::digest(sql.replace("\r\n", "\n"));
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn line_ends_do_not_change_the_checksum() {
        assert_eq!(checksum("a\nb"), checksum("a\r\nb"));
        assert_ne!(checksum("a\nb"), checksum("a\nc"));
        assert_eq!(checksum("").len(), 64);
    }
}
