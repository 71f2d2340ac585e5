//! PostgreSQL: a pool of connections with limits on waiting, connecting and running.

mod copy;
mod error;
mod statement;
mod tx;

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use tls::PostgresTls;
use tokio_postgres::NoTls;

use crate::lock::LockGuard;
use crate::settings::{Encryption, PostgresSettings};
use crate::{Error, Param, Result, Row};
use error::classify;
use statement::{bounded, execute, query, query_until};
pub(crate) use tx::Tx;

/// How much longer than the server the client waits for a statement: past it, the connection is dead.
const GRACE: Duration = Duration::from_secs(5);

/// A pool of connections; clones share it.
#[derive(Clone, Debug)]
pub struct Pool {
    pool: deadpool_postgres::Pool,
    tls: Option<PostgresTls>,
    limit: Duration,
}

/// Connects once, and refuses a database that is not encoded in UTF-8.
pub(crate) async fn open(settings: &PostgresSettings) -> Result<Pool> {
    let encryption = settings.encryption().map_err(Error::internal)?;
    let pool = Pool {
        pool: build(settings, encryption.as_ref())?,
        tls: encryption.map(|encryption| encryption.tls),
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
        match connection.batch_execute(&sql).await.map_err(classify) {
            // Another process makes it at this moment, which `IF NOT EXISTS` does not see.
            Err(Error::Unique(_)) => {}
            made => made?,
        }
    }
    drop(connection);
    Ok(pool)
}

fn build(
    settings: &PostgresSettings,
    encryption: Option<&Encryption>,
) -> Result<deadpool_postgres::Pool> {
    let recycling_method = RecyclingMethod::Fast;
    let (mut driver, how) = (driver(settings), ManagerConfig { recycling_method });
    let manager = match encryption {
        None => Manager::from_config(driver, NoTls, how),
        Some(Encryption { mode, tls }) => {
            driver.ssl_mode(*mode);
            Manager::from_config(driver, tls.clone(), how)
        }
    };
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
    // A statement with optional filters has no plan that is good for whatever they are.
    let mut options = format!(
        "-c statement_timeout={millis} -c idle_in_transaction_session_timeout={millis} -c timezone=UTC \
         -c plan_cache_mode=force_custom_plan"
    );
    if let Some(schema) = &settings.schema {
        // Extensions are in `public`.
        options.push_str(" -c search_path=");
        options.push_str(schema);
        options.push_str(",public");
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
    pub(crate) fn tls(&self) -> Option<&PostgresTls> {
        self.tls.as_ref()
    }

    pub(crate) async fn query(&self, sql: &'static str, params: &[&dyn Param]) -> Result<Vec<Row>> {
        let connection = self.get().await?;
        let result = query(&connection, self.limit, sql, params).await;
        release(connection, result)
    }

    /// A connection that still brings rows that nobody wants is closed.
    pub(crate) async fn query_until(
        &self,
        sql: &'static str,
        params: &[&dyn Param],
        enough: impl FnMut(&Row) -> Result<bool> + Send,
    ) -> Result<Vec<Row>> {
        let connection = self.get().await?;
        match query_until(&connection, self.limit, sql, params, enough).await {
            Ok((rows, true)) => release(connection, Ok(rows)),
            Ok((rows, false)) => {
                drop(Object::take(connection));
                Ok(rows)
            }
            Err(error) => release(connection, Err(error)),
        }
    }

    pub(crate) async fn execute(&self, sql: &'static str, params: &[&dyn Param]) -> Result<u64> {
        let connection = self.get().await?;
        let result = execute(&connection, self.limit, sql, params).await;
        release(connection, result)
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        Ok(Tx::new(self.get().await?, self.limit))
    }

    /// Takes the lock on a connection that leaves the pool; the lock ends with the connection.
    pub(crate) async fn lock(&self, name: &str) -> Result<Option<LockGuard>> {
        let connection = Object::take(self.get().await?);
        let sql = "SELECT pg_try_advisory_lock(hashtextextended(current_schema() || ':' || $1, 0)) AS taken";
        let row = bounded(self.limit, connection.query_one(sql, &[&name])).await?;
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

/// Gives the connection back, or closes it when the server may be gone.
fn release<T>(connection: Object, result: Result<T>) -> Result<T> {
    if let Err(Error::Unavailable(_)) = result {
        drop(Object::take(connection));
    }
    result
}
