use std::any::Any;

use async_trait::async_trait;
use model::{ChannelId, ThingId, Timestamp};
use proto::Change;
use storage::{Row, Tx};

use super::{Store, failed};
use crate::Result;
use crate::model::Owner;
use crate::repository::OwnerRepository;

#[async_trait]
impl OwnerRepository for Store {
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
