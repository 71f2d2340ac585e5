use async_trait::async_trait;
use model::{ChannelId, Page, PageQuery, ThingId, Timestamp};
use proto::Change;
use storage::{Param, Statement};

use super::owned::{self, CHANNEL};
use super::rows::{asked, channel, page};
use super::{Store, failed};
use crate::Result;
use crate::model::{Channel, Details, Filter, Owner};
use crate::repository::ChannelRepository;

pub(super) const LIST: &str = "SELECT id, name, metadata FROM channels WHERE owner = $1 AND id > $2
    AND (CAST($3 AS TEXT) IS NULL OR has_text(name, $3))
    AND (CAST($4 AS JSONB) IS NULL OR json_contains(metadata, $4))
    ORDER BY id LIMIT $5 OFFSET $6";
pub(super) const IDS_OF: &str =
    "SELECT channel_id AS id FROM connections WHERE thing_id = $1 AND channel_id > $2
    ORDER BY channel_id LIMIT 1 OFFSET $3";
pub(super) const LIST_OF: &str =
    "SELECT id, name, metadata FROM connections JOIN channels ON id = channel_id
    WHERE thing_id = $1 AND owner = $2 AND channel_id > $3 ORDER BY channel_id LIMIT $4";

#[async_trait]
impl ChannelRepository for Store {
    async fn create_channels(
        &self,
        owner: Owner,
        channels: &[Channel],
        at: Timestamp,
    ) -> Result<()> {
        self.create_open(owner, channels, at).await
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
        let start = if filter.is_everything() {
            self.start_of_all(owner, CHANNEL, query).await?
        } else {
            let sql = "SELECT COUNT(*) AS total FROM channels WHERE owner = $1
                AND (CAST($2 AS TEXT) IS NULL OR has_text(name, $2))
                AND (CAST($3 AS JSONB) IS NULL OR json_contains(metadata, $3))";
            let count = Statement::new(sql, &[&owner, name, metadata]);
            self.start(query, count).await?
        };
        let (after, limit, skip) = (start.after, asked(query), start.skip);
        let params: &[&dyn Param] = &[&owner, &after, name, metadata, &limit, &skip];
        let rows = self.db.query(LIST, params).await.map_err(failed)?;
        page(query, &start, &rows, channel)
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
        let count = Statement::new(sql, &[&thing, &owner]);
        let start = self.start(query, count).await?;
        let start = self.skip(start, IDS_OF, &thing).await?;
        let params: &[&dyn Param] = &[&thing, &owner, &start.after, &asked(query)];
        let rows = self.db.query(LIST_OF, params).await.map_err(failed)?;
        page(query, &start, &rows, channel)
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
        let mut gone = owned::Changes::default();
        gone.add(owner, CHANNEL, id.uuid(), -1);
        self.commit_counted(tx, at, change, &gone).await
    }
}
