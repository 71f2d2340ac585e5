use rusqlite::types::{ToSqlOutput, Value};
use tokio_postgres::types::ToSql;

use crate::{Error, Result};

/// A value that both drivers can bind; implemented for everything that qualifies.
pub trait Param: Send + Sync {
    /// Returns the value as the PostgreSQL driver takes it.
    fn postgres(&self) -> &(dyn ToSql + Sync);

    /// Returns the value as the SQLite driver takes it.
    ///
    /// # Errors
    /// When SQLite has nothing to hold the value.
    fn sqlite(&self) -> Result<Value>;
}

impl<T: ToSql + rusqlite::types::ToSql + Send + Sync> Param for T {
    fn postgres(&self) -> &(dyn ToSql + Sync) {
        self
    }

    fn sqlite(&self) -> Result<Value> {
        match rusqlite::types::ToSql::to_sql(self).map_err(Error::internal)? {
            ToSqlOutput::Borrowed(value) => value.try_into().map_err(Error::internal),
            ToSqlOutput::Owned(value) => Ok(value),
            other => Err(Error::internal(format!("not a plain value: {other:?}"))),
        }
    }
}
