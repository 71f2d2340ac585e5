use std::any::Any;

use async_trait::async_trait;
use model::{ChannelId, ThingId, Timestamp};
use proto::Change;
use storage::{Row, Tx, outbox};

use super::{Store, failed};
use crate::model::Owner;
use crate::repository::OwnerRepository;
use crate::{Error, Result};

#[async_trait]
impl OwnerRepository for Store {
    /// Whoever creates something looks for the mark while it holds the same lock: it comes before or after this.
    async fn retire_owner(&self, owner: Owner, at: Timestamp) -> Result<()> {
        let sql = "INSERT INTO removed_owners (owner, removed_at) VALUES ($1, $2)
            ON CONFLICT DO NOTHING";
        let tx = self.db.begin().await.map_err(failed)?;
        outbox::lock(&tx).await.map_err(failed)?;
        tx.execute(sql, &[&owner, &at]).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Channels go first: once they are gone, nothing of the user's can be sent to or read from.
    async fn delete_some_of(&self, owner: Owner, limit: u32, at: Timestamp) -> Result<u32> {
        let tx = self.db.begin().await.map_err(failed)?;
        let mut changes = Vec::new();
        let ids = "SELECT id FROM channels WHERE owner = $1 ORDER BY id LIMIT $2";
        for row in ids_of(&tx, ids, owner, limit).await? {
            let id: ChannelId = row.get("id").map_err(failed)?;
            let sql = "DELETE FROM channels WHERE id = $1";
            if tx.execute(sql, &[&id]).await.map_err(failed)? > 0 {
                changes.push(Change::ChannelRemoved { id });
            }
        }
        let rest = limit.saturating_sub(u32::try_from(changes.len()).unwrap_or(limit));
        let ids = "SELECT id FROM things WHERE owner = $1 ORDER BY id LIMIT $2";
        for row in ids_of(&tx, ids, owner, rest).await? {
            let id: ThingId = row.get("id").map_err(failed)?;
            let sql = "DELETE FROM things WHERE id = $1";
            if tx.execute(sql, &[&id]).await.map_err(failed)? > 0 {
                changes.push(Change::ThingRemoved { id });
            }
        }
        let count = u32::try_from(changes.len()).unwrap_or(limit);
        self.commit(tx, at, changes).await?;
        Ok(count)
    }

    async fn lead(&self, what: &'static str) -> Result<Option<Box<dyn Any + Send + Sync>>> {
        let guard = self.db.lock(what).await.map_err(failed)?;
        Ok(guard.map(|guard| Box::new(guard) as Box<dyn Any + Send + Sync>))
    }
}

async fn ids_of(tx: &Tx, sql: &'static str, owner: Owner, limit: u32) -> Result<Vec<Row>> {
    let limit = i64::from(limit);
    tx.query(sql, &[&owner, &limit]).await.map_err(failed)
}

/// To be called with events written, see [`OwnerRepository::retire_owner`].
pub(super) async fn refuse_removed(tx: &Tx, owner: Owner) -> Result<()> {
    let sql = "SELECT owner FROM removed_owners WHERE owner = $1";
    match tx.query_opt(sql, &[&owner]).await.map_err(failed)? {
        None => Ok(()),
        Some(_) => Err(Error::OwnerRemoved),
    }
}
