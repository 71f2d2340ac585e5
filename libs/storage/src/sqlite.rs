//! SQLite: one connection behind an async mutex, used on the blocking threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::lock::{LockGuard, Names};
use crate::{Error, Param, Result, Row, functions};

/// How long another process may keep the file locked before a statement fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for its turn at the connection.
const WAIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many statements stay prepared.
const PREPARED: usize = 256;

/// A file of one service, or memory; clones share the connection.
#[derive(Clone, Debug)]
pub struct Handle {
    connection: Arc<Mutex<Connection>>,
    names: Names,
}

/// A transaction that has the connection for itself.
#[derive(Debug)]
pub struct Tx(Arc<parking_lot::Mutex<State>>);

#[derive(Debug)]
struct State {
    guard: Guard,
    failed: bool,
}

/// Opens a file, or memory when there is no path.
pub(crate) async fn open(path: Option<PathBuf>) -> Result<Handle> {
    let connection = blocking(move || connect(path.as_deref())).await?;
    Ok(Handle {
        connection: Arc::new(Mutex::new(connection)),
        names: Names::default(),
    })
}

fn connect(path: Option<&Path>) -> Result<Connection> {
    let connection = match path {
        None => Connection::open_in_memory(),
        Some(path) => {
            create_private(path).map_err(|error| {
                Error::internal(format!("cannot open {}: {error}", path.display()))
            })?;
            Connection::open(path)
        }
    }
    .map_err(classify)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(classify)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )
        .map_err(classify)?;
    functions::define(&connection).map_err(classify)?;
    Ok(connection)
}

/// Creates the file for its owner only; SQLite gives its journals the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

impl Handle {
    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let (guard, params) = (self.guard().await?, values(params)?);
        blocking(move || query(&guard, sql, &params)).await
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let (guard, params) = (self.guard().await?, values(params)?);
        blocking(move || execute(&guard, sql, &params)).await
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        let guard = self.guard().await?;
        // IMMEDIATE: a reader that turns writer half-way could only fail.
        let guard = blocking(move || {
            guard.0.execute_batch("BEGIN IMMEDIATE").map_err(classify)?;
            Ok(guard)
        })
        .await?;
        let state = State {
            guard,
            failed: false,
        };
        Ok(Tx(Arc::new(parking_lot::Mutex::new(state))))
    }

    pub(crate) fn lock(&self, name: &str) -> Option<LockGuard> {
        self.names.take(name)
    }

    async fn guard(&self) -> Result<Guard> {
        timeout(WAIT_TIMEOUT, Arc::clone(&self.connection).lock_owned())
            .await
            .map(Guard)
            .map_err(|_| Error::unavailable("the connection to SQLite is busy"))
    }
}

impl Tx {
    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let params = values(params)?;
        self.run(move |guard| query(guard, sql, &params)).await
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let params = values(params)?;
        self.run(move |guard| execute(guard, sql, &params)).await
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

/// Holds the connection; an open transaction ends with it.
///
/// The rollback is here and not in [`Tx`], because a cancelled caller leaves the guard inside a blocking thread.
#[derive(Debug)]
struct Guard(OwnedMutexGuard<Connection>);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            if let Err(error) = self.0.execute_batch("ROLLBACK") {
                tracing::error!(%error, "rollback failed");
            }
        }
    }
}

fn query(guard: &Guard, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let mut statement = guard.0.prepare_cached(sql).map_err(classify)?;
    bind(&mut statement, params)?;
    let names: Arc<[String]> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut answer = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(classify)? {
        let values = (0..names.len())
            .map(|index| row.get(index))
            .collect::<rusqlite::Result<_>>()
            .map_err(classify)?;
        answer.push(Row::sqlite(Arc::clone(&names), values));
    }
    Ok(answer)
}

fn execute(guard: &Guard, sql: &str, params: &[Value]) -> Result<u64> {
    let mut statement = guard.0.prepare_cached(sql).map_err(classify)?;
    bind(&mut statement, params)?;
    let changed = statement.raw_execute().map_err(classify)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Binds `$n` to the n-th value: SQLite itself would number the parameters by first appearance.
fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<()> {
    let mut used = 0;
    for index in 1..=statement.parameter_count() {
        let number: usize = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$'))
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Error::internal("a parameter is not $1, $2, .."))?;
        let value = number
            .checked_sub(1)
            .and_then(|place| params.get(place))
            .ok_or_else(|| Error::internal(format!("there is no value for ${number}")))?;
        statement
            .raw_bind_parameter(index, value)
            .map_err(classify)?;
        used = used.max(number);
    }
    if used == params.len() {
        Ok(())
    } else {
        Err(Error::internal("there are more values than parameters"))
    }
}

fn values(params: &[&dyn Param]) -> Result<Vec<Value>> {
    params.iter().map(|param| param.sqlite()).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(Error::internal(panic)))
}

fn classify(error: rusqlite::Error) -> Error {
    let Some(failure) = error.sqlite_error() else {
        return Error::internal(error);
    };
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => return Error::Unique(error.into()),
        // ON DELETE RESTRICT reports itself as a trigger; we write no triggers.
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER => {
            return Error::ForeignKey(error.into());
        }
        _ => {}
    }
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull => {
            Error::unavailable(error)
        }
        _ => Error::internal(error),
    }
}
