use std::fmt::Display;
use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};

use crate::{Error, Result};

/// A type that both drivers can read; implemented for everything that qualifies.
pub trait Column:
    for<'a> tokio_postgres::types::FromSql<'a> + rusqlite::types::FromSql + Sized
{
}

impl<T: for<'a> tokio_postgres::types::FromSql<'a> + rusqlite::types::FromSql> Column for T {}

/// One row of an answer.
#[derive(Debug)]
pub struct Row(Inner);

#[derive(Debug)]
enum Inner {
    Postgres(tokio_postgres::Row),
    Sqlite {
        names: Arc<[String]>,
        values: Vec<Value>,
    },
}

impl Row {
    pub(crate) fn postgres(row: tokio_postgres::Row) -> Self {
        Self(Inner::Postgres(row))
    }

    pub(crate) fn sqlite(names: Arc<[String]>, values: Vec<Value>) -> Self {
        Self(Inner::Sqlite { names, values })
    }

    /// Reads a column by its name.
    ///
    /// # Errors
    /// When there is no such column or it holds something else.
    pub fn get<T: Column>(&self, column: &str) -> Result<T> {
        match &self.0 {
            Inner::Postgres(row) => row.try_get(column).map_err(Error::internal),
            Inner::Sqlite { names, values } => {
                let place = names.iter().position(|name| name == column);
                read(column, place.and_then(|place| values.get(place)))
            }
        }
    }

    /// Reads a column by its place, for statements with many columns and rows: looking a name up may take as long as the value.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn at<T: Column>(&self, place: usize) -> Result<T> {
        match &self.0 {
            Inner::Postgres(row) => row.try_get(place).map_err(Error::internal),
            Inner::Sqlite { values, .. } => read(place, values.get(place)),
        }
    }
}

fn read<T: Column>(column: impl Display, value: Option<&Value>) -> Result<T> {
    let value = value.ok_or_else(|| Error::internal(format!("no column `{column}`")))?;
    T::column_result(ValueRef::from(value))
        .map_err(|error| Error::internal(format!("column `{column}`: {error}")))
}
