//! The functions that queries may call on both databases: SQL there, Rust here.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use serde_json::{Number, Value};

/// Defines the functions on PostgreSQL; `{collation}` decides how case folds.
///
/// They are not `STRICT`, so that the planner can put their bodies in place and use indexes.
const POSTGRES: &str = "
CREATE OR REPLACE FUNCTION fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lower($1 COLLATE {collation}) $$;
CREATE OR REPLACE FUNCTION has_text(haystack text, needle text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT strpos(lower($1 COLLATE {collation}), lower($2 COLLATE {collation})) > 0 $$;
CREATE OR REPLACE FUNCTION json_contains(a jsonb, b jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT $1 @> $2 $$;
";

/// Returns the definitions for PostgreSQL; without ICU, case folds as the database's locale has it.
pub(crate) fn postgres(icu: bool) -> String {
    let collation = if icu { "\"und-x-icu\"" } else { "\"default\"" };
    POSTGRES.replace("{collation}", collation)
}

/// Defines the functions on a connection to SQLite.
pub(crate) fn define(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("fold", 1, flags, |context: &Context<'_>| {
        let text: Option<String> = context.get(0)?;
        Ok(text.map(|text| text.to_lowercase()))
    })?;
    connection.create_scalar_function("has_text", 2, flags, |context: &Context<'_>| {
        let (text, part): (Option<String>, Option<String>) = (context.get(0)?, context.get(1)?);
        let both = text.zip(part);
        Ok(both.map(|(text, part)| text.to_lowercase().contains(&part.to_lowercase())))
    })?;
    // PostgreSQL has it built in.
    connection.create_scalar_function("floor", 1, flags, |context: &Context<'_>| {
        Ok(context.get::<Option<f64>>(0)?.map(f64::floor))
    })?;
    connection.create_scalar_function("json_contains", 2, flags, |context: &Context<'_>| {
        if context.get_raw(0).data_type() == rusqlite::types::Type::Null
            || context.get_raw(1).data_type() == rusqlite::types::Type::Null
        {
            return Ok(None);
        }
        let (a, b): (Value, Value) = (context.get(0)?, context.get(1)?);
        Ok(Some(contains_at_top(&a, &b)))
    })
}

/// PostgreSQL's exception: an array contains a scalar that is one of its elements, but only outermost.
fn contains_at_top(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(items), scalar) if !scalar.is_array() && !scalar.is_object() => {
            items.iter().any(|item| contains(item, scalar))
        }
        _ => contains(a, b),
    }
}

fn contains(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => b
            .iter()
            .all(|(name, b)| a.get(name).is_some_and(|a| contains(a, b))),
        (Value::Array(a), Value::Array(b)) => b.iter().all(|b| a.iter().any(|a| contains(a, b))),
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        _ => a == b,
    }
}

/// To PostgreSQL `1` and `1.0` are one number.
fn same_number(a: &Number, b: &Number) -> bool {
    if a.is_f64() || b.is_f64() {
        a.as_f64() == b.as_f64()
    } else {
        a == b
    }
}
