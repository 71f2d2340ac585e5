use async_trait::async_trait;
use model::{ChannelId, Page, PageQuery, ThingId, Timestamp};
use proto::Change;

use super::owners::refuse_removed;
use super::rows::{bounds, channel, page};
use super::{Store, failed};
use crate::Result;
use crate::model::{Channel, Details, Filter, Owner};
use crate::repository::ChannelRepository;

#[async_trait]
impl ChannelRepository for Store {
    async fn create_channels(
        &self,
        owner: Owner,
        channels: &[Channel],
        at: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO channels (id, owner, name, metadata, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $5)";
        let tx = self.db.begin().await.map_err(failed)?;
        for Channel { id, details } in channels {
            let (name, metadata) = (details.name.as_str(), details.metadata.value());
            tx.execute(sql, &[id, &owner, &name, &metadata, &at])
                .await
                .map_err(failed)?;
        }
        let created = channels
            .iter()
            .map(|channel| Change::ChannelCreated {
                id: channel.id,
                owner,
                name: channel.details.name.as_str().to_owned(),
                metadata: channel.details.metadata.value(),
            })
            .collect::<Vec<_>>();
        self.record(&tx, at, created).await?;
        refuse_removed(&tx, owner).await?;
        self.finish(tx).await
    }

    async fn get_channel(&self, owner: Owner, id: ChannelId) -> Result<Option<Channel>> {
        let sql = "SELECT id, name, metadata FROM channels WHERE id = $1 AND owner = $2";
        let row = self.db.query_opt(sql, &[&id, &owner]).await;
        row.map_err(failed)?.map(|row| channel(&row)).transpose()
    }

    async fn list_channels(
        &self,
        owner: Owner,
        filter: &Filter,
        query: PageQuery,
    ) -> Result<Page<Channel>> {
        let Filter { name, metadata } = filter;
        let sql = "SELECT COUNT(*) AS total FROM channels WHERE owner = $1
            AND (CAST($2 AS TEXT) IS NULL OR has_text(name, $2))
            AND (CAST($3 AS JSONB) IS NULL OR json_contains(metadata, $3))";
        let total = self.db.query_opt(sql, &[&owner, name, metadata]).await;
        let sql = "SELECT id, name, metadata FROM channels WHERE owner = $1
            AND (CAST($2 AS TEXT) IS NULL OR has_text(name, $2))
            AND (CAST($3 AS JSONB) IS NULL OR json_contains(metadata, $3))
            ORDER BY id LIMIT $4 OFFSET $5";
        let (limit, offset) = bounds(query);
        let params: &[&dyn storage::Param] = &[&owner, name, metadata, &limit, &offset];
        let rows = self.db.query(sql, params).await.map_err(failed)?;
        page(total.map_err(failed)?.as_ref(), &rows, channel)
    }

    async fn list_channels_of(
        &self,
        owner: Owner,
        thing: ThingId,
        query: PageQuery,
    ) -> Result<Page<Channel>> {
        // Both sides of a connection have one owner.
        let sql = "SELECT COUNT(*) AS total FROM connections
            WHERE thing_id = $1 AND EXISTS (SELECT 1 FROM things WHERE id = $1 AND owner = $2)";
        let total = self.db.query_opt(sql, &[&thing, &owner]).await;
        let sql = "SELECT id, name, metadata FROM connections JOIN channels ON id = channel_id
            WHERE thing_id = $1 AND owner = $2 ORDER BY id LIMIT $3 OFFSET $4";
        let (limit, offset) = bounds(query);
        let rows = self.db.query(sql, &[&thing, &owner, &limit, &offset]).await;
        page(
            total.map_err(failed)?.as_ref(),
            &rows.map_err(failed)?,
            channel,
        )
    }

    async fn update_channel(
        &self,
        owner: Owner,
        id: ChannelId,
        details: &Details,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE channels SET name = $3, metadata = $4, updated_at = $5
            WHERE id = $1 AND owner = $2";
        let (name, metadata) = (details.name.as_str(), details.metadata.value());
        let tx = self.db.begin().await.map_err(failed)?;
        let count = tx.execute(sql, &[&id, &owner, &name, &metadata, &at]).await;
        let name = name.to_owned();
        let found = count.map_err(failed)? > 0;
        let change = found.then_some(Change::ChannelUpdated { id, name, metadata });
        self.commit(tx, at, change).await
    }

    async fn delete_channel(&self, owner: Owner, id: ChannelId, at: Timestamp) -> Result<bool> {
        let sql = "DELETE FROM channels WHERE id = $1 AND owner = $2";
        let tx = self.db.begin().await.map_err(failed)?;
        let found = tx.execute(sql, &[&id, &owner]).await.map_err(failed)? > 0;
        let change = found.then_some(Change::ChannelRemoved { id });
        self.commit(tx, at, change).await
    }
}
