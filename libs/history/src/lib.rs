//! The stored messages: what the writer writes and the reader reads, the same on PostgreSQL and SQLite.
//!
//! A message is one [`Entry`] per record, or one with its bytes when it could not be decoded. Entries of a channel are
//! ordered by time, message and place in the message: that is the key of the table, so that an entry is stored once
//! however often it is written, and a page is read along the key from wherever the last one ended.

mod aggregate;
mod entry;
mod partitions;
mod query;
mod read;
mod retention;
mod write;

use storage::{Db, LockGuard, Migration, Result, Sql};

pub use aggregate::{Bucket, Interval};
pub use entry::{Content, Entry, Raw};
pub use query::{Comparison, Cursor, Query};
pub use read::{Page, Paging};
pub use retention::{Excess, Trimmed};

use partitions::Partitions;

/// The name of the database on a PostgreSQL server, that of 0.9.
pub const DATABASE: &str = "messages";

// What they share is covered by tests/contract.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "messages",
        sql: Sql::Each {
            postgres: include_str!("../../../migrations/messages/0001_messages.postgres.sql"),
            sqlite: include_str!("../../../migrations/messages/0001_messages.sqlite.sql"),
        },
    },
    Migration {
        version: 2,
        name: "chunks",
        sql: Sql::Each {
            postgres: include_str!("../../../migrations/messages/0002_chunks.postgres.sql"),
            // It does not cut the table.
            sqlite: "",
        },
    },
];

/// The stored messages in a database; writer and reader may open it at once.
#[derive(Debug)]
pub struct History {
    db: Db,
    partitions: Option<Partitions>,
}

impl History {
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn open(db: Db) -> Result<Self> {
        db.migrate(MIGRATIONS).await?;
        let partitions = Partitions::find(&db).await?;
        Ok(Self { db, partitions })
    }

    /// Tries to become the only one among all processes that does something, until the guard is dropped.
    ///
    /// # Errors
    /// As [`Db::lock`].
    pub async fn lead(&self, what: &'static str) -> Result<Option<LockGuard>> {
        self.db.lock(what).await
    }
}
