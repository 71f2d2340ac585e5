//! Every SQL statement of this service.

mod access;
mod certificates;
mod channels;
mod connections;
mod creation;
mod gather;
mod owned;
mod owners;
#[cfg(test)]
mod plans;
mod rows;
mod things;

use std::sync::Arc;

use model::{BoxError, Timestamp};
use proto::{Change, Event};
use storage::{Db, Migration, Row, Sql, Statement, Tx, outbox};
use tokio::sync::Notify;

use crate::keyring::Keyring;
use crate::{Error, Result};
use connections::Connect;
use creation::Creation;
use gather::Gather;

/// The name of this service in its events.
const SOURCE: &str = "things";

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "things",
        sql: Sql::Both(include_str!("../../../migrations/things/0001_things.sql")),
    },
    outbox::migration(2),
    // Covered by `w29_filters_count_what_they_choose_and_know_no_wildcards` in tests/contract.
    Migration {
        version: 3,
        name: "metadata",
        sql: Sql::Each {
            postgres: include_str!("../../../migrations/things/0003_metadata.postgres.sql"),
            sqlite: include_str!("../../../migrations/things/0003_metadata.sqlite.sql"),
        },
    },
    Migration {
        version: 4,
        name: "default_channel",
        sql: Sql::Both(include_str!(
            "../../../migrations/things/0004_default_channel.sql"
        )),
    },
    Migration {
        version: 5,
        name: "owned",
        sql: Sql::Each {
            postgres: include_str!("../../../migrations/things/0005_owned.postgres.sql"),
            sqlite: include_str!("../../../migrations/things/0005_owned.sqlite.sql"),
        },
    },
];

/// Things in a database; clones are the same.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
    keyring: Arc<Keyring>,
    wake: Arc<Notify>,
    creations: Arc<Gather<Creation>>,
    connects: Arc<Gather<Connect>>,
}

impl Store {
    /// Brings the database up to date and checks that the keys in it can be read.
    ///
    /// # Errors
    /// When a migration fails, or the database was written with another secret.
    pub(crate) async fn open(
        db: Db,
        keyring: Keyring,
        wake: Arc<Notify>,
    ) -> Result<Self, BoxError> {
        db.migrate(MIGRATIONS).await?;
        let store = Self {
            db,
            keyring: Arc::new(keyring),
            wake,
            creations: Arc::default(),
            connects: Arc::default(),
        };
        store.check_mark().await?;
        Ok(store)
    }

    async fn check_mark(&self) -> Result<(), BoxError> {
        let mark = self.keyring.mark();
        let sql = "INSERT INTO installation (id, mark) VALUES (1, $1) ON CONFLICT DO NOTHING";
        self.db.execute(sql, &[&mark]).await?;
        let sql = "SELECT id FROM installation WHERE id = 1 AND mark = $1";
        match self.db.query_opt(sql, &[&mark]).await? {
            Some(_) => Ok(()),
            None => Err("the secret of things is not the one this database was written with: no thing's key can be read; restore MF_THINGS_SECRET".into()),
        }
    }

    /// Writes the events of a transaction and commits it; tells whether there were any.
    ///
    /// A transaction that changed nothing is committed too: that keeps its connection.
    async fn commit<I>(&self, tx: Tx, at: Timestamp, changes: I) -> Result<bool>
    where
        I: IntoIterator<Item = Change, IntoIter: Send>,
    {
        self.commit_counted(tx, at, changes, &owned::Changes::default())
            .await
    }

    /// As [`Self::commit`], with what came or went.
    async fn commit_counted<I>(
        &self,
        tx: Tx,
        at: Timestamp,
        changes: I,
        owned: &owned::Changes,
    ) -> Result<bool>
    where
        I: IntoIterator<Item = Change, IntoIter: Send>,
    {
        let events: Vec<_> = changes.into_iter().map(|change| (at, change)).collect();
        let any = !events.is_empty();
        if any {
            let owned = owned.statements()?;
            let written = record(&tx, owned, events, Vec::new()).await;
            written.map_err(failed)?;
        }
        self.finish(tx).await?;
        Ok(any)
    }

    async fn finish(&self, tx: Tx) -> Result<()> {
        tx.commit().await.map_err(failed)?;
        self.wake.notify_one();
        Ok(())
    }
}

/// Runs statements, writes events, and runs more statements whose rows it returns.
///
/// From the events to the end of the transaction every other one with events waits.
async fn record(
    tx: &Tx,
    before: Vec<Statement<'_>>,
    changes: Vec<(Timestamp, Change)>,
    then: Vec<Statement<'_>>,
) -> storage::Result<Vec<Vec<Row>>> {
    let first = outbox::reserve(tx, before, changes.len()).await?;
    let events = (first..).zip(changes).map(|(number, (at, change))| {
        outbox::NewEvent::new(number, at, event_json(number, at, change))
    });
    outbox::write(tx, &events.collect::<Vec<_>>(), then).await
}

fn event_json(number: u64, at: Timestamp, change: Change) -> String {
    let event = Event {
        source: SOURCE.to_owned(),
        number,
        at,
        change,
    };
    serde_json::to_string(&event).expect("an event has only text keys")
}

fn failed(error: storage::Error) -> Error {
    Error::Other(error.into())
}
