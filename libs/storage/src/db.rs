use tls::PostgresTls;

use crate::migrate::{self, Migration};
use crate::postgres::{self, Pool};
use crate::sqlite::{self, Handle};
use crate::{Error, LockGuard, Param, Result, Row, Settings, Statement};

/// A database that is open; clones share its connections.
#[derive(Clone, Debug)]
pub enum Db {
    /// A pool of connections to PostgreSQL.
    Postgres(Pool),
    /// The one connection to SQLite.
    Sqlite(Handle),
}

/// A transaction; dropping it without [`Tx::commit`] rolls it back.
///
/// After the first error the transaction refuses to go on, whichever the database: PostgreSQL would turn the
/// commit into a rollback and not say so, SQLite would commit the rest.
#[derive(Debug)]
pub enum Tx {
    /// A transaction of PostgreSQL.
    Postgres(Box<postgres::Tx>),
    /// A transaction of SQLite.
    Sqlite(sqlite::Tx),
}

/// Opens a database.
///
/// # Errors
/// When it cannot be reached, is not encoded in UTF-8, or the settings ask for something unsupported.
pub async fn open(settings: &Settings) -> Result<Db> {
    match settings {
        Settings::Sqlite(path) => sqlite::open(path.clone()).await.map(Db::Sqlite),
        Settings::Postgres(settings) => postgres::open(settings).await.map(Db::Postgres),
    }
}

impl Db {
    /// Returns the certificates its connections are made with, if they are encrypted.
    pub fn tls(&self) -> Option<&PostgresTls> {
        match self {
            Self::Postgres(pool) => pool.tls(),
            Self::Sqlite(_) => None,
        }
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// Whatever the database says, see [`Error`].
    pub async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        match self {
            Self::Postgres(pool) => pool.query(sql, params).await,
            Self::Sqlite(handle) => handle.query(sql, params).await,
        }
    }

    /// Runs a statement and returns its rows up to the first of which `enough` is true: what many large rows take is bounded by
    /// whoever asks.
    ///
    /// # Errors
    /// As [`Db::query`], or that of `enough`.
    pub async fn query_until(
        &self,
        sql: &'static str,
        params: &[&dyn Param],
        enough: impl FnMut(&Row) -> Result<bool> + Send + 'static,
    ) -> Result<Vec<Row>> {
        match self {
            Self::Postgres(pool) => pool.query_until(sql, params, enough).await,
            Self::Sqlite(handle) => handle.query_until(sql, params, enough).await,
        }
    }

    /// Runs a statement that returns at most one row.
    ///
    /// # Errors
    /// As [`Db::query`], and when there is more than one row.
    pub async fn query_opt(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Option<Row>> {
        at_most_one(self.query(sql, params).await?)
    }

    /// Runs a statement without an answer and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`Db::query`].
    pub async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        match self {
            Self::Postgres(pool) => pool.execute(sql, params).await,
            Self::Sqlite(handle) => handle.execute(sql, params).await,
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// As [`Db::query`].
    pub async fn begin(&self) -> Result<Tx> {
        match self {
            Self::Postgres(pool) => pool.begin().await.map(Box::new).map(Tx::Postgres),
            Self::Sqlite(handle) => handle.begin().await.map(Tx::Sqlite),
        }
    }

    /// Brings the schema up to date; several processes may try at once.
    ///
    /// # Errors
    /// When a migration fails, or one that was applied is not the same text any more.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<()> {
        migrate::run(self, migrations).await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<()> {
        self.query("SELECT 1 AS one", &[]).await.map(drop)
    }

    /// Tries to take a named lock: among all processes on PostgreSQL, among the clones of this handle on SQLite.
    ///
    /// # Errors
    /// As [`Db::query`].
    pub async fn lock(&self, name: &str) -> Result<Option<LockGuard>> {
        match self {
            Self::Postgres(pool) => pool.lock(name).await,
            Self::Sqlite(handle) => Ok(handle.lock(name)),
        }
    }
}

impl Tx {
    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// Whatever the database says, see [`Error`]; after the first, always.
    pub async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        match self {
            Self::Postgres(tx) => tx.query(sql, params).await,
            Self::Sqlite(tx) => tx.query(sql, params).await,
        }
    }

    /// Runs a statement that returns at most one row.
    ///
    /// # Errors
    /// As [`Tx::query`], and when there is more than one row.
    pub async fn query_opt(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Option<Row>> {
        at_most_one(self.query(sql, params).await?)
    }

    /// Runs statements one after the other and returns the rows of each; they are on their way to the database before the first
    /// is answered.
    ///
    /// # Errors
    /// As [`Tx::query`], for the first that fails.
    pub async fn query_all(&self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        match self {
            Self::Postgres(tx) => tx.query_all(statements).await,
            Self::Sqlite(tx) => tx.query_all(statements).await,
        }
    }

    /// Runs a statement without an answer and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        match self {
            Self::Postgres(tx) => tx.execute(sql, params).await,
            Self::Sqlite(tx) => tx.execute(sql, params).await,
        }
    }

    /// Makes everything done in the transaction last.
    ///
    /// # Errors
    /// As [`Tx::query`]; then nothing of it lasts, unless the connection was lost while waiting for the answer.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        }
    }

    /// Runs statements without values and without an answer; their text is the program's own, never made of input.
    ///
    /// For what a static text cannot say, such as the name of a partition.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub async fn batch(&self, sql: &str) -> Result<()> {
        match self {
            Self::Postgres(tx) => tx.batch(sql).await,
            Self::Sqlite(tx) => tx.batch(sql).await,
        }
    }
}

fn at_most_one(mut rows: Vec<Row>) -> Result<Option<Row>> {
    match rows.len() {
        0 | 1 => Ok(rows.pop()),
        more => Err(Error::internal(format!(
            "{more} rows where at most one can be"
        ))),
    }
}
