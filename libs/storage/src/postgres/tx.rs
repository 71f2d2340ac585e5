use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::future::join;

use super::statement::{bounded, copy, execute, query, query_all};
use crate::load::{Load, Rows};
use crate::{Error, Param, Result, Row, Statement};

/// A transaction on a connection of its own.
#[derive(Debug)]
pub struct Tx {
    /// Absent once the connection is back in the pool.
    connection: Option<Object>,
    begun: AtomicBool,
    failed: AtomicBool,
    limit: Duration,
}

impl Tx {
    /// Begins with the first statement: both go to the server at once.
    pub(super) fn new(connection: Object, limit: Duration) -> Self {
        Self {
            connection: Some(connection),
            begun: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            limit,
        }
    }

    /// Lets a statement take this long, as far as the client is concerned.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        self.run(query(connection, self.limit, sql, params)).await
    }

    pub(crate) async fn query_all(&self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        let connection = self.connection()?;
        self.run(query_all(connection, self.limit, statements))
            .await
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let connection = self.connection()?;
        self.run(execute(connection, self.limit, sql, params)).await
    }

    pub(crate) async fn load(&self, load: &Load, rows: &dyn Rows) -> Result<()> {
        let connection = self.connection()?;
        self.run(copy(connection, self.limit, load, rows)).await
    }

    pub(crate) async fn batch(&self, sql: &str) -> Result<()> {
        let connection = self.connection()?;
        self.run(bounded(self.limit, connection.batch_execute(sql)))
            .await
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

    /// The first statement follows the BEGIN without waiting for its answer: what is polled first is sent first.
    async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let result = if self.begun.swap(true, Ordering::Relaxed) {
            work.await
        } else {
            let connection = self.connection()?;
            let begin = bounded(self.limit, connection.batch_execute("BEGIN"));
            let (begun, result) = join(begin, work).await;
            begun.and(result)
        };
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
