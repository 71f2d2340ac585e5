use std::pin::pin;
use std::time::Duration;

use deadpool_postgres::Object;
use futures_util::future::maybe_done;
use futures_util::{SinkExt, TryStreamExt, poll};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};

use super::copy::encode;
use super::error::classify;
use crate::load::{Load, Rows};
use crate::{Error, Param, Result, Row, Statement};

pub(super) async fn query(
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

/// Returns the rows up to the first that is enough, and whether those are all.
pub(super) async fn query_until(
    connection: &Object,
    limit: Duration,
    sql: &str,
    params: &[&dyn Param],
    mut enough: impl FnMut(&Row) -> Result<bool>,
) -> Result<(Vec<Row>, bool)> {
    let work = async {
        let statement = connection.prepare_cached(sql).await.map_err(classify)?;
        let rows = connection.query_raw(&statement, borrow(params)).await;
        let mut rows = pin!(rows.map_err(classify)?);
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(classify)? {
            let row = Row::postgres(row);
            let is_last = enough(&row)?;
            found.push(row);
            if is_last {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    };
    match timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(silent()),
    }
}

/// Sends all statements before it waits for the first answer.
pub(super) async fn query_all(
    connection: &Object,
    limit: Duration,
    statements: &[Statement<'_>],
) -> Result<Vec<Vec<Row>>> {
    let work = async {
        let mut prepared = Vec::with_capacity(statements.len());
        for Statement { sql, params } in statements {
            prepared.push((connection.prepare_cached(sql).await?, borrow(params)));
        }
        let query = |(sql, params)| Box::pin(maybe_done(connection.query(sql, params)));
        let mut sent: Vec<_> = prepared
            .iter()
            .map(|(sql, params)| query((sql, params)))
            .collect();
        for answer in &mut sent {
            // What is polled is sent, whether or not it is answered at once.
            let _ = poll!(answer);
        }
        let mut answers = Vec::with_capacity(sent.len());
        for mut answer in sent {
            answer.as_mut().await;
            answers.extend(answer.as_mut().take_output());
        }
        answers.into_iter().collect::<Result<Vec<_>, _>>()
    };
    let answers = bounded(limit, work).await?;
    let rows = |rows: Vec<_>| rows.into_iter().map(Row::postgres).collect();
    Ok(answers.into_iter().map(rows).collect())
}

pub(super) async fn execute(
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

/// Sends rows as one piece: how many there are is bounded by whoever has them in memory.
pub(super) async fn copy(
    connection: &Object,
    limit: Duration,
    load: &Load,
    rows: &dyn Rows,
) -> Result<()> {
    let statement = bounded(limit, connection.prepare_cached(&load.describe)).await?;
    let columns = statement.columns().iter();
    let types: Vec<Type> = columns.map(|column| column.type_().clone()).collect();
    let encoded = encode(rows, &types)?;
    let work = async {
        let mut sink = pin!(connection.copy_in(&load.copy).await?);
        sink.send(encoded).await?;
        sink.finish().await.map(drop)
    };
    bounded(limit, work).await
}

fn borrow<'a>(params: &[&'a dyn Param]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param.postgres()).collect()
}

pub(super) async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match timeout(limit, work).await {
        Ok(result) => result.map_err(classify),
        Err(_) => Err(silent()),
    }
}

fn silent() -> Error {
    Error::unavailable("the server does not answer")
}
