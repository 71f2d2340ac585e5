//! SQLite: one connection behind an async mutex, used on the blocking threads.

mod statement;
mod tx;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::lock::{LockGuard, Names};
use crate::{Error, Param, Result, Row, functions};
use statement::{classify, execute, query, query_until, values};
pub(crate) use tx::Tx;

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
        blocking(move || query(&guard.0, sql, &params)).await
    }

    pub(crate) async fn query_until(
        &self,
        sql: &'static str,
        params: &[&dyn Param],
        enough: impl FnMut(&Row) -> Result<bool> + Send + 'static,
    ) -> Result<Vec<Row>> {
        let (guard, params) = (self.guard().await?, values(params)?);
        blocking(move || query_until(&guard.0, sql, &params, enough)).await
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let (guard, params) = (self.guard().await?, values(params)?);
        blocking(move || execute(&guard.0, sql, &params)).await
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        let guard = self.guard().await?;
        // IMMEDIATE: a reader that turns writer half-way could only fail.
        let guard = blocking(move || {
            guard.0.execute_batch("BEGIN IMMEDIATE").map_err(classify)?;
            Ok(guard)
        })
        .await?;
        Ok(Tx::new(guard))
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

/// Holds the connection; an open transaction ends with it.
///
/// The rollback is here and not in [`Tx`], because a cancelled caller leaves the guard inside a blocking thread.
#[derive(Debug)]
struct Guard(OwnedMutexGuard<Connection>);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(Error::internal(panic)))
}
