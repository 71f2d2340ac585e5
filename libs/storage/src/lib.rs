//! One SQL text over two drivers: PostgreSQL in production, SQLite embedded.
//!
//! What a statement may use, pinned by the contract tests of this crate on both databases:
//!
//! - Parameters are `$1, $2, ..` in any order and number, and a text has no other `$`. An optional filter states its type once:
//!   `(CAST($1 AS TEXT) IS NULL OR name = $1)`. The cast is for that test only: compare with the bare `$1`.
//!   PostgreSQL plans each statement for its values, so that a filter that is absent costs nothing.
//! - Integers are `i64` for `BIGINT` and `i32` for `INTEGER`. JSON values are objects.
//! - Tables spell PostgreSQL's types (`UUID`, `TIMESTAMPTZ`, `JSONB`, `BOOLEAN`, `BIGINT`, `BYTEA`, `VARCHAR(n)`).
//! - Queries name their columns: a migration that adds one would break prepared statements with `*`.
//! - Lists are ordered by ids, numbers and times; the order of texts differs between databases.
//! - `fold(x)` folds case, `has_text(haystack, needle)` finds text without wildcards and case, `json_contains(a, b)`
//!   is `a @> b`, `floor(x)` rounds down. No other function or operator on text case or JSON, no arrays, enums, `ILIKE`, `= ANY`, `FOR UPDATE`.
//! - SQLite checks neither lengths nor types: validate before, and let PostgreSQL catch what slipped.
//! - Only additive `ALTER TABLE .. ADD COLUMN` in migrations. What only one database has, such as a kind of index,
//!   goes into a migration with a text for [`Each`](Sql::Each).

mod bulk;
mod config;
mod db;
mod error;
mod functions;
mod load;
mod lock;
mod migrate;
pub mod outbox;
mod param;
mod postgres;
mod row;
mod settings;
mod sqlite;
mod statement;

pub use self::config::Config;
pub use bulk::Bulk;
pub use db::{Db, Tx, open};
pub use error::{Error, Result};
pub use load::{Load, Rows};
pub use lock::LockGuard;
pub use migrate::{Migration, Sql};
pub use param::Param;
pub use row::{Column, Row};
pub use settings::{Named, PostgresFiles, PostgresSettings, Settings, SettingsError, SslMode};
pub use statement::Statement;
