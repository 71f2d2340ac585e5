use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;

use super::statement::{bounded, copy, execute, query};
use crate::load::{Load, Rows};
use crate::{Error, Param, Result, Row};

/// A transaction on a connection of its own.
#[derive(Debug)]
pub struct Tx {
    /// Absent once the connection is back in the pool.
    connection: Option<Object>,
    failed: AtomicBool,
    limit: Duration,
}

impl Tx {
    pub(super) async fn begin(connection: Object, limit: Duration) -> Result<Self> {
        let tx = Self {
            connection: Some(connection),
            failed: AtomicBool::new(false),
            limit,
        };
        tx.batch("BEGIN").await?;
        Ok(tx)
    }

    /// Lets a statement take this long, as far as the client is concerned.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        self.watch(query(connection, self.limit, sql, params).await)
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let connection = self.connection()?;
        self.watch(execute(connection, self.limit, sql, params).await)
    }

    pub(crate) async fn load(&self, load: &Load, rows: &dyn Rows) -> Result<()> {
        let connection = self.connection()?;
        self.watch(copy(connection, self.limit, load, rows).await)
    }

    pub(crate) async fn batch(&self, sql: &str) -> Result<()> {
        let connection = self.connection()?;
        self.watch(bounded(self.limit, connection.batch_execute(sql)).await)
    }

    pub(crate) async fn commit(mut self) -> Result<()> {
        self.batch("COMMIT").await?;
        // Only now may somebody else have the connection.
        self.connection = None;
        Ok(())
    }

    fn connection(&self) -> Result<&Object> {
        match &self.connection {
            Some(connection) if !self.failed.load(Ordering::Relaxed) => Ok(connection),
            _ => Err(Error::internal("the transaction has failed before")),
        }
    }

    fn watch<T>(&self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Drop for Tx {
    /// Closes the connection of an unfinished transaction, so that nobody inherits it.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
