use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use model::{ThingId, Timestamp};
use proto::Change;
use storage::{Bulk, Param, Tx};
use uuid::Uuid;

use super::{Store, failed, record};
use crate::model::{Connections, Owner};
use crate::repository::ConnectionRepository;
use crate::{Error, Result};

static OWNERS_OF_CHANNELS: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("SELECT id, owner FROM channels WHERE id IN (", 1, ")"));
static OWNERS_OF_THINGS: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("SELECT id, owner FROM things WHERE id IN (", 1, ")"));
static CONNECT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO connections (channel_id, thing_id) VALUES",
        2,
        "ON CONFLICT DO NOTHING RETURNING channel_id, thing_id",
    )
});

/// What one request connects.
pub(super) struct Connect {
    owner: Owner,
    connections: Connections,
    at: Timestamp,
}

#[async_trait]
impl ConnectionRepository for Store {
    async fn connect(&self, owner: Owner, connections: &Connections, at: Timestamp) -> Result<()> {
        let rows = connections.channels.len() * connections.things.len();
        let new = Connect {
            owner,
            connections: connections.clone(),
            at,
        };
        let store = self.clone();
        let write = |new| async move { store.connect_each(new).await };
        self.connects.submit(new, rows, write).await
    }

    async fn disconnect(
        &self,
        owner: Owner,
        connections: &Connections,
        at: Timestamp,
    ) -> Result<()> {
        let sql = "DELETE FROM connections WHERE channel_id = $1 AND thing_id = $2
            AND EXISTS (SELECT 1 FROM channels WHERE id = $1 AND owner = $3)";
        let tx = self.db.begin().await.map_err(failed)?;
        let mut changes = Vec::new();
        for (chan_id, thing_id) in connections.pairs() {
            let count = tx.execute(sql, &[&chan_id, &thing_id, &owner]).await;
            if count.map_err(failed)? > 0 {
                changes.push(Change::Disconnected { chan_id, thing_id });
            } else if changes.is_empty() {
                self.commit(tx, at, None).await?;
                return Err(Error::ConnectionNotFound);
            } else {
                // Dropping the transaction takes back what was disconnected before.
                return Err(Error::ConnectionNotFound);
            }
        }
        self.commit(tx, at, changes).await?;
        Ok(())
    }
}

impl Store {
    /// Connects what several requests ask for; when somebody deletes a side meanwhile, each by itself.
    async fn connect_each(&self, new: Vec<Connect>) -> Vec<Result<()>> {
        match self.connect_all(&new).await {
            Ok(outcomes) => return outcomes,
            Err(Error::ThingNotFound) if new.len() > 1 => {}
            Err(error) => return vec![Err(error); new.len()],
        }
        let mut outcomes = Vec::with_capacity(new.len());
        for one in &new {
            let outcome = self.connect_all(std::slice::from_ref(one)).await;
            outcomes.extend(outcome.unwrap_or_else(|error| vec![Err(error)]));
        }
        outcomes
    }

    /// Leaves out the requests that name what is not their owner's, and tells them.
    async fn connect_all(&self, new: &[Connect]) -> Result<Vec<Result<()>>> {
        let tx = self.db.begin().await.map_err(failed)?;
        let owners = owners(&tx, new).await?;
        let missing = |new: &Connect| {
            let is = |id: Uuid| owners.get(&id) == Some(&new.owner);
            let Connections { channels, things } = &new.connections;
            if !channels.iter().all(|id| is(id.uuid())) {
                return Err(Error::ChannelNotFound);
            }
            let all = things.iter().all(|id| is(id.uuid()));
            all.then_some(()).ok_or(Error::ThingNotFound)
        };
        let outcomes: Vec<_> = new.iter().map(missing).collect();
        // Each once and in one order, see `Connections::pairs`.
        let mut pairs = BTreeMap::new();
        for (new, _) in new
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_ok())
        {
            pairs.extend(
                new.connections
                    .pairs()
                    .into_iter()
                    .map(|pair| (pair, new.at)),
            );
        }
        let values = pairs.keys().flat_map(|(channel, thing)| {
            let values: [&dyn Param; 2] = [channel, thing];
            values
        });
        let rows = CONNECT.query(&tx, &values.collect::<Vec<_>>()).await;
        let mut events = Vec::new();
        for row in rows.map_err(deleted_meanwhile)? {
            let chan_id = row.get("channel_id").map_err(failed)?;
            let thing_id = row.get("thing_id").map_err(failed)?;
            let at = pairs[&(chan_id, thing_id)];
            events.push((at, Change::Connected { chan_id, thing_id }));
        }
        if !events.is_empty() {
            let written = record(&tx, Vec::new(), events, Vec::new()).await;
            written.map_err(failed)?;
        }
        self.finish(tx).await?;
        Ok(outcomes)
    }
}

/// Returns who owns the channels and things that are named.
async fn owners(tx: &Tx, new: &[Connect]) -> Result<BTreeMap<Uuid, Owner>> {
    let channels = new.iter().flat_map(|new| &new.connections.channels);
    let things = new.iter().flat_map(|new| &new.connections.things);
    let channels: Vec<&dyn Param> = channels.map(|id| id as &dyn Param).collect();
    let things: Vec<&dyn Param> = things.map(|id| id as &dyn Param).collect();
    let mut statements = OWNERS_OF_CHANNELS.statements(&channels).map_err(failed)?;
    statements.extend(OWNERS_OF_THINGS.statements(&things).map_err(failed)?);
    let rows = tx.query_all(&statements).await.map_err(failed)?;
    let owner = |row: &storage::Row| Ok((row.get("id")?, row.get("owner")?));
    let owners: storage::Result<_> = rows.iter().flatten().map(owner).collect();
    owners.map_err(failed)
}

pub(super) async fn owns_thing(tx: &Tx, owner: Owner, id: ThingId) -> Result<bool> {
    let sql = "SELECT id FROM things WHERE id = $1 AND owner = $2";
    let row = tx.query_opt(sql, &[&id, &owner]).await.map_err(failed)?;
    Ok(row.is_some())
}

/// Both sides were there a moment ago: somebody deletes one of them right now.
fn deleted_meanwhile(error: storage::Error) -> Error {
    match error {
        storage::Error::ForeignKey(_) => Error::ThingNotFound,
        error @ (storage::Error::Unique(_)
        | storage::Error::Unavailable(_)
        | storage::Error::Internal(_)) => failed(error),
    }
}
