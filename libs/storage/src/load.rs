use crate::{Param, Result, Tx};

/// Rows that lend their values, so that none is copied on its way to the driver.
pub trait Rows: Send + Sync + 'static {
    /// Calls `take` with the values of each row in turn.
    ///
    /// # Errors
    /// The first of `take`, at which it ends.
    fn each(&self, take: &mut dyn FnMut(&[&dyn Param]) -> Result<()>) -> Result<()>;
}

/// The fast way into a table for rows that are not there yet: COPY on PostgreSQL, one prepared statement on SQLite; to be kept
/// in a static.
#[derive(Debug)]
pub struct Load {
    /// Has the types of the columns.
    pub(crate) describe: String,
    pub(crate) copy: String,
    pub(crate) insert: String,
}

impl Load {
    /// Makes it of the name of a table and those of its columns.
    pub fn new(table: &str, columns: &[&str]) -> Self {
        let names = columns.join(", ");
        let values: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
        let values = values.join(", ");
        Self {
            describe: format!("SELECT {names} FROM {table} LIMIT 0"),
            copy: format!("COPY {table} ({names}) FROM STDIN BINARY"),
            insert: format!("INSERT INTO {table} ({names}) VALUES ({values})"),
        }
    }

    /// Inserts rows.
    ///
    /// # Errors
    /// As [`Tx::query`]; `Unique` when one of them is there already, or twice among them.
    pub async fn run(&'static self, tx: &Tx, rows: impl Rows) -> Result<()> {
        match tx {
            Tx::Postgres(tx) => tx.load(self, &rows).await,
            Tx::Sqlite(tx) => tx.load(self, rows).await,
        }
    }
}
