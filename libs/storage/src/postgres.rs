//! PostgreSQL: a pool of connections with limits on waiting, connecting and running.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{NoTls, types::ToSql};

use crate::lock::LockGuard;
use crate::settings::{PostgresSettings, SslMode};
use crate::{Error, Param, Result, Row};

/// How much longer than the server the client waits for a statement: past it, the connection is dead.
const GRACE: Duration = Duration::from_secs(5);

/// A pool of connections; clones share it.
#[derive(Clone, Debug)]
pub struct Pool {
    pool: deadpool_postgres::Pool,
    limit: Duration,
}

/// A transaction on a connection of its own.
#[derive(Debug)]
pub struct Tx {
    /// Absent once the connection is back in the pool.
    connection: Option<Object>,
    failed: AtomicBool,
    limit: Duration,
}

/// Connects once, and refuses a database that is not encoded in UTF-8.
pub(crate) async fn open(settings: &PostgresSettings) -> Result<Pool> {
    let pool = Pool {
        pool: build(settings)?,
        limit: settings.statement_timeout.saturating_add(GRACE),
    };
    let connection = pool.get().await?;
    let row = connection
        .query_one("SHOW server_encoding", &[])
        .await
        .map_err(classify)?;
    let encoding: String = row.try_get(0).map_err(classify)?;
    if encoding != "UTF8" {
        return Err(Error::internal(format!(
            "the database `{}` is encoded in {encoding}; create it with ENCODING 'UTF8'",
            settings.database
        )));
    }
    if let Some(schema) = &settings.schema {
        let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
        connection.batch_execute(&sql).await.map_err(classify)?;
    }
    drop(connection);
    Ok(pool)
}

fn build(settings: &PostgresSettings) -> Result<deadpool_postgres::Pool> {
    let tls = match settings.ssl_mode {
        SslMode::Disable => NoTls,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            return Err(Error::internal(
                "encrypted connections to PostgreSQL are not supported yet; use the SSL mode `disable`",
            ));
        }
    };
    let recycling_method = RecyclingMethod::Fast;
    let manager = Manager::from_config(driver(settings), tls, ManagerConfig { recycling_method });
    deadpool_postgres::Pool::builder(manager)
        .max_size(settings.pool_size)
        .wait_timeout(Some(settings.wait_timeout))
        .create_timeout(Some(settings.connect_timeout))
        .recycle_timeout(Some(settings.connect_timeout))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(Error::internal)
}

fn driver(settings: &PostgresSettings) -> tokio_postgres::Config {
    let millis = settings.statement_timeout.as_millis();
    let mut options = format!(
        "-c statement_timeout={millis} -c idle_in_transaction_session_timeout={millis} -c timezone=UTC"
    );
    if let Some(schema) = &settings.schema {
        options.push_str(" -c search_path=");
        options.push_str(schema);
    }
    let mut config = tokio_postgres::Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .user(&settings.user)
        .dbname(&settings.database)
        .application_name("ferroflux")
        .options(options)
        .connect_timeout(settings.connect_timeout)
        .keepalives_idle(Duration::from_secs(30))
        .tcp_user_timeout(settings.statement_timeout.saturating_add(GRACE));
    if !settings.password.is_empty() {
        config.password(settings.password.expose());
    }
    config
}

impl Pool {
    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let connection = self.get().await?;
        let result = query(&connection, self.limit, sql, params).await;
        release(connection, result)
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let connection = self.get().await?;
        let result = execute(&connection, self.limit, sql, params).await;
        release(connection, result)
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        let tx = Tx {
            connection: Some(self.get().await?),
            failed: AtomicBool::new(false),
            limit: self.limit,
        };
        tx.batch("BEGIN").await?;
        Ok(tx)
    }

    /// Takes the lock on a connection that leaves the pool; the lock ends with the connection.
    pub(crate) async fn lock(&self, name: &str) -> Result<Option<LockGuard>> {
        let connection = Object::take(self.get().await?);
        let sql = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ':' || $1, 0)) AS taken";
        let row = timeout(self.limit, connection.query_one(sql, &[&name]))
            .await
            .map_err(Error::unavailable)?
            .map_err(classify)?;
        let taken: bool = row.try_get("taken").map_err(classify)?;
        Ok(taken.then(|| LockGuard::postgres(connection)))
    }

    /// Tells whether the server folds case by Unicode's rules, whatever its locale.
    pub(crate) async fn has_icu(&self) -> Result<bool> {
        let sql = "SELECT 1 AS one FROM pg_collation WHERE collname = 'und-x-icu'";
        Ok(!self.query(sql, &[]).await?.is_empty())
    }

    async fn get(&self) -> Result<Object> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => classify(error),
            PoolError::Timeout(_) | PoolError::Closed => Error::unavailable(error),
            other => Error::internal(other),
        })
    }
}

impl Tx {
    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let connection = self.connection()?;
        self.watch(query(connection, self.limit, sql, params).await)
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let connection = self.connection()?;
        self.watch(execute(connection, self.limit, sql, params).await)
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

async fn query(
    connection: &Object,
    limit: Duration,
    sql: &str,
    params: &[&dyn Param],
) -> Result<Vec<Row>> {
    let params = borrow(params);
    let work = async {
        let statement = connection.prepare_cached(sql).await?;
        connection.query(&statement, &params).await
    };
    let rows = bounded(limit, work).await?;
    Ok(rows.into_iter().map(Row::postgres).collect())
}

async fn execute(
    connection: &Object,
    limit: Duration,
    sql: &str,
    params: &[&dyn Param],
) -> Result<u64> {
    let params = borrow(params);
    let work = async {
        let statement = connection.prepare_cached(sql).await?;
        connection.execute(&statement, &params).await
    };
    bounded(limit, work).await
}

fn borrow<'a>(params: &[&'a dyn Param]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param.postgres()).collect()
}

async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match timeout(limit, work).await {
        Ok(result) => result.map_err(classify),
        Err(_) => Err(Error::unavailable("the server does not answer")),
    }
}

/// Gives the connection back, or closes it when the server may be gone.
fn release<T>(connection: Object, result: Result<T>) -> Result<T> {
    if let Err(Error::Unavailable(_)) = result {
        drop(Object::take(connection));
    }
    result
}

fn classify(error: tokio_postgres::Error) -> Error {
    let Some(state) = error.code() else {
        let lost = error.is_closed() || caused_by_io(&error);
        return if lost {
            Error::unavailable(error)
        } else {
            Error::internal(error)
        };
    };
    match state {
        state if *state == SqlState::UNIQUE_VIOLATION => Error::Unique(error.into()),
        state
            if [
                SqlState::FOREIGN_KEY_VIOLATION,
                SqlState::RESTRICT_VIOLATION,
            ]
            .contains(state) =>
        {
            Error::ForeignKey(error.into())
        }
        state if is_passing(state.code()) => Error::unavailable(error),
        _ => Error::internal(error),
    }
}

/// Connection lost, out of resources, stopped by an operator or a timeout, beaten by another transaction, stand-by.
fn is_passing(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "53" | "57"))
        || matches!(code, "40001" | "40P01" | "55P03" | "25006" | "25P03")
}

fn caused_by_io(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}
