use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{CachedStatement, Connection, ErrorCode, ffi};

use crate::load::Rows;
use crate::{Error, Param, Result, Row};

pub(super) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    query_until(connection, sql, params, |_| Ok(false))
}

/// Returns the rows up to the first that is enough.
pub(super) fn query_until(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    mut enough: impl FnMut(&Row) -> Result<bool>,
) -> Result<Vec<Row>> {
    let mut statement = prepare(connection, sql)?;
    bind(&mut statement, params)?;
    let names: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
    let mut answer = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(classify)? {
        let values = (0..names.len())
            .map(|index| row.get(index))
            .collect::<rusqlite::Result<_>>()
            .map_err(classify)?;
        let row = Row::sqlite(Arc::clone(&names), values);
        let is_last = enough(&row)?;
        answer.push(row);
        if is_last {
            break;
        }
    }
    Ok(answer)
}

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64> {
    let mut statement = prepare(connection, sql)?;
    bind(&mut statement, params)?;
    let changed = statement.raw_execute().map_err(classify)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Runs a statement with the values of each row.
pub(super) fn each(connection: &Connection, sql: &str, rows: &dyn Rows) -> Result<()> {
    let mut statement = prepare(connection, sql)?;
    let columns = statement.parameter_count();
    rows.each(&mut |values| {
        if values.len() != columns {
            return Err(Error::internal("a row has too few or too many values"));
        }
        for (index, value) in (1_usize..).zip(values) {
            statement
                .raw_bind_parameter(index, value.sqlite())
                .map_err(classify)?;
        }
        statement.raw_execute().map(drop).map_err(classify)
    })
}

/// Prepares a statement with `?n` for `$n`: SQLite looks a number up at once, and a name among all there are.
fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>> {
    let sql = sql.replace('$', "?");
    connection.prepare_cached(&sql).map_err(classify)
}

/// Binds the n-th value to `$n`.
fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<()> {
    let (count, given) = (statement.parameter_count(), params.len());
    if count != given {
        return Err(Error::internal(format!(
            "{given} values for {count} parameters"
        )));
    }
    for (index, value) in (1_usize..).zip(params) {
        statement
            .raw_bind_parameter(index, value)
            .map_err(classify)?;
    }
    Ok(())
}

pub(super) fn values(params: &[&dyn Param]) -> Result<Vec<Value>> {
    params.iter().map(|param| owned(*param)).collect()
}

fn owned(param: &dyn Param) -> Result<Value> {
    match param.sqlite().to_sql().map_err(Error::internal)? {
        ToSqlOutput::Borrowed(value) => value.try_into().map_err(Error::internal),
        ToSqlOutput::Owned(value) => Ok(value),
        other => Err(Error::internal(format!("not a plain value: {other:?}"))),
    }
}

/// Tells errors apart by their extended code, never by their text.
pub(super) fn classify(error: rusqlite::Error) -> Error {
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
