use std::sync::Arc;

use parking_lot::Mutex;

use super::statement::{classify, each, execute, query, values};
use super::{Guard, blocking};
use crate::load::{Load, Rows};
use crate::{Error, Param, Result, Row, Statement};

/// A transaction that has the connection for itself.
#[derive(Debug)]
pub struct Tx(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    guard: Guard,
    failed: bool,
}

impl Tx {
    pub(super) fn new(guard: Guard) -> Self {
        let failed = false;
        Self(Arc::new(Mutex::new(State { guard, failed })))
    }

    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let params = values(params)?;
        self.run(move |guard| query(&guard.0, sql, &params)).await
    }

    pub(crate) async fn query_all(&self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        let bound = |statement: &Statement<'_>| Ok((statement.sql, values(&statement.params)?));
        let statements = statements.iter().map(bound).collect::<Result<Vec<_>>>()?;
        self.run(move |guard| {
            let run = |(sql, params): &(&str, Vec<_>)| query(&guard.0, sql, params);
            statements.iter().map(run).collect()
        })
        .await
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let params = values(params)?;
        self.run(move |guard| execute(&guard.0, sql, &params)).await
    }

    pub(crate) async fn load(&self, load: &'static Load, rows: impl Rows) -> Result<()> {
        self.run(move |guard| each(&guard.0, &load.insert, &rows))
            .await
    }

    pub(crate) async fn batch(&self, sql: &str) -> Result<()> {
        let sql = sql.to_owned();
        self.run(move |guard| guard.0.execute_batch(&sql).map_err(classify))
            .await
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.run(|guard| guard.0.execute_batch("COMMIT").map_err(classify))
            .await
    }

    /// A cancelled caller leaves the work running; the last owner of the state drops the guard, which rolls back.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Guard) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let state = Arc::clone(&self.0);
        blocking(move || {
            let mut state = state.lock();
            if state.failed {
                return Err(Error::internal("the transaction has failed before"));
            }
            let result = work(&state.guard);
            state.failed = result.is_err();
            result
        })
        .await
    }
}
