use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, ffi};

use crate::{Error, Param, Result, Row};

pub(super) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql).map_err(classify)?;
    bind(&mut statement, params)?;
    let names: Arc<[String]> = statement.column_names().map(str::to_owned).collect();
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

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql).map_err(classify)?;
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

pub(super) fn values(params: &[&dyn Param]) -> Result<Vec<Value>> {
    params.iter().map(|param| param.sqlite()).collect()
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
