use async_trait::async_trait;
use model::{ChannelId, ThingId, Timestamp};
use proto::Change;
use storage::Tx;

use super::{Store, failed};
use crate::model::{Connections, Owner};
use crate::repository::ConnectionRepository;
use crate::{Error, Result};

#[async_trait]
impl ConnectionRepository for Store {
    async fn connect(&self, owner: Owner, connections: &Connections, at: Timestamp) -> Result<()> {
        let sql = "INSERT INTO connections (channel_id, thing_id) VALUES ($1, $2)
            ON CONFLICT DO NOTHING";
        let tx = self.db.begin().await.map_err(failed)?;
        let missing = missing_side(&tx, owner, connections).await?;
        if let Some(missing) = missing {
            self.commit(tx, at, None).await?;
            return Err(missing);
        }
        let mut changes = Vec::new();
        for (chan_id, thing_id) in connections.pairs() {
            let count = tx.execute(sql, &[&chan_id, &thing_id]).await;
            if count.map_err(deleted_meanwhile)? > 0 {
                changes.push(Change::Connected { chan_id, thing_id });
            }
        }
        self.commit(tx, at, changes).await?;
        Ok(())
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

async fn missing_side(tx: &Tx, owner: Owner, connections: &Connections) -> Result<Option<Error>> {
    for channel in &connections.channels {
        if !owns_channel(tx, owner, *channel).await? {
            return Ok(Some(Error::ChannelNotFound));
        }
    }
    for thing in &connections.things {
        if !owns_thing(tx, owner, *thing).await? {
            return Ok(Some(Error::ThingNotFound));
        }
    }
    Ok(None)
}

async fn owns_channel(tx: &Tx, owner: Owner, id: ChannelId) -> Result<bool> {
    let sql = "SELECT id FROM channels WHERE id = $1 AND owner = $2";
    let row = tx.query_opt(sql, &[&id, &owner]).await.map_err(failed)?;
    Ok(row.is_some())
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
