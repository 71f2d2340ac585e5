use tokio_postgres::types::ToSql;

/// A value that both drivers can bind; implemented for everything that qualifies.
pub trait Param: Send + Sync {
    /// Returns the value as the PostgreSQL driver takes it.
    fn postgres(&self) -> &(dyn ToSql + Sync);

    /// Returns the value as the SQLite driver takes it.
    fn sqlite(&self) -> &dyn rusqlite::types::ToSql;
}

impl<T: ToSql + rusqlite::types::ToSql + Send + Sync> Param for T {
    fn postgres(&self) -> &(dyn ToSql + Sync) {
        self
    }

    fn sqlite(&self) -> &dyn rusqlite::types::ToSql {
        self
    }
}
