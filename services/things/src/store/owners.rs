use std::any::Any;

use async_trait::async_trait;
use model::Timestamp;
use proto::Change;
use storage::outbox;
use uuid::Uuid;

use super::owned::{self, CHANNEL, THING};
use super::{Store, failed};
use crate::Result;
use crate::model::Owner;
use crate::repository::OwnerRepository;

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
        let channels = "DELETE FROM channels WHERE id IN
            (SELECT id FROM channels WHERE owner = $1 ORDER BY id LIMIT $2) RETURNING id";
        let things = "DELETE FROM things WHERE id IN
            (SELECT id FROM things WHERE owner = $1 ORDER BY id LIMIT $2) RETURNING id";
        let tx = self.db.begin().await.map_err(failed)?;
        let (mut gone, mut changes) = (owned::Changes::default(), Vec::new());
        for (sql, kind) in [(channels, CHANNEL), (things, THING)] {
            let rest = i64::from(limit) - i64::try_from(changes.len()).unwrap_or(i64::MAX);
            let rows = tx.query(sql, &[&owner, &rest]).await.map_err(failed)?;
            for row in rows {
                let id: Uuid = row.get("id").map_err(failed)?;
                gone.add(owner, kind, id, -1);
                changes.push(if kind == CHANNEL {
                    Change::ChannelRemoved { id: id.into() }
                } else {
                    Change::ThingRemoved { id: id.into() }
                });
            }
        }
        let count = u32::try_from(changes.len()).unwrap_or(limit);
        if count == 0 {
            let sql = "DELETE FROM owned WHERE owner = $1";
            tx.execute(sql, &[&owner]).await.map_err(failed)?;
        }
        self.commit_counted(tx, at, changes, &gone).await?;
        Ok(count)
    }

    async fn lead(&self, what: &'static str) -> Result<Option<Box<dyn Any + Send + Sync>>> {
        let guard = self.db.lock(what).await.map_err(failed)?;
        Ok(guard.map(|guard| Box::new(guard) as Box<dyn Any + Send + Sync>))
    }
}
