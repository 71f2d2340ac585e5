use async_trait::async_trait;
use model::{ChannelId, Page, PageQuery, ThingId, Timestamp};
use proto::Change;
use storage::{Param, Statement};

use super::creation::key_taken;
use super::owned::{self, THING};
use super::rows::{asked, page, thing};
use super::{Store, failed};
use crate::model::{Details, Filter, Key, Owner, Thing};
use crate::repository::ThingRepository;
use crate::{Error, Result};

pub(super) const LIST: &str = "SELECT id, key_sealed, default_channel, name, metadata FROM things
    WHERE owner = $1 AND id > $2
    AND (CAST($3 AS TEXT) IS NULL OR has_text(name, $3))
    AND (CAST($4 AS JSONB) IS NULL OR json_contains(metadata, $4))
    ORDER BY id LIMIT $5 OFFSET $6";
pub(super) const IDS_OF: &str =
    "SELECT thing_id AS id FROM connections WHERE channel_id = $1 AND thing_id > $2
    ORDER BY thing_id LIMIT 1 OFFSET $3";
pub(super) const LIST_OF: &str = "SELECT id, key_sealed, default_channel, name, metadata
    FROM connections JOIN things ON id = thing_id
    WHERE channel_id = $1 AND owner = $2 AND thing_id > $3 ORDER BY thing_id LIMIT $4";

#[async_trait]
impl ThingRepository for Store {
    async fn create_things(&self, owner: Owner, things: &[Thing], at: Timestamp) -> Result<()> {
        self.create_sealed(owner, things, at).await
    }

    async fn get_thing(&self, owner: Owner, id: ThingId) -> Result<Option<Thing>> {
        let sql = "SELECT id, key_sealed, default_channel, name, metadata FROM things WHERE id = $1 AND owner = $2";
        let row = self.db.query_opt(sql, &[&id, &owner]).await;
        let row = row.map_err(failed)?;
        row.map(|row| thing(&row, &self.keyring)).transpose()
    }

    async fn list_things(
        &self,
        owner: Owner,
        filter: &Filter,
        query: PageQuery,
    ) -> Result<Page<Thing>> {
        let Filter { name, metadata } = filter;
        let start = if filter.is_everything() {
            self.start_of_all(owner, THING, query).await?
        } else {
            let sql = "SELECT COUNT(*) AS total FROM things WHERE owner = $1
                AND (CAST($2 AS TEXT) IS NULL OR has_text(name, $2))
                AND (CAST($3 AS JSONB) IS NULL OR json_contains(metadata, $3))";
            let count = Statement::new(sql, &[&owner, name, metadata]);
            self.start(query, count).await?
        };
        let (after, limit, skip) = (start.after, asked(query), start.skip);
        let params: &[&dyn Param] = &[&owner, &after, name, metadata, &limit, &skip];
        let rows = self.db.query(LIST, params).await.map_err(failed)?;
        page(query, &start, &rows, |row| thing(row, &self.keyring))
    }

    async fn list_things_of(
        &self,
        owner: Owner,
        channel: ChannelId,
        query: PageQuery,
    ) -> Result<Page<Thing>> {
        // Both sides of a connection have one owner.
        let sql = "SELECT COUNT(*) AS total FROM connections
            WHERE channel_id = $1 AND EXISTS (SELECT 1 FROM channels WHERE id = $1 AND owner = $2)";
        let count = Statement::new(sql, &[&channel, &owner]);
        let start = self.start(query, count).await?;
        let start = self.skip(start, IDS_OF, &channel).await?;
        let params: &[&dyn Param] = &[&channel, &owner, &start.after, &asked(query)];
        let rows = self.db.query(LIST_OF, params).await.map_err(failed)?;
        page(query, &start, &rows, |row| thing(row, &self.keyring))
    }

    async fn update_thing(
        &self,
        owner: Owner,
        id: ThingId,
        details: &Details,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE things SET name = $3, metadata = $4, updated_at = $5
            WHERE id = $1 AND owner = $2";
        let (name, metadata) = (details.name.as_str(), details.metadata.value());
        let tx = self.db.begin().await.map_err(failed)?;
        let count = tx.execute(sql, &[&id, &owner, &name, &metadata, &at]).await;
        let name = name.to_owned();
        let found = count.map_err(failed)? > 0;
        let change = found.then_some(Change::ThingUpdated { id, name, metadata });
        self.commit(tx, at, change).await
    }

    async fn update_key(
        &self,
        owner: Owner,
        id: ThingId,
        key: &Key,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE things SET key_hash = $3, key_sealed = $4, updated_at = $5
            WHERE id = $1 AND owner = $2";
        let (hash, sealed) = self.protect(id, key)?;
        let tx = self.db.begin().await.map_err(failed)?;
        let count = tx.execute(sql, &[&id, &owner, &hash, &sealed, &at]).await;
        let found = count.map_err(key_taken)? > 0;
        let change = found.then_some(Change::ThingKeyChanged { id });
        self.commit(tx, at, change).await
    }

    async fn set_default_channel(
        &self,
        owner: Owner,
        id: ThingId,
        channel: Option<ChannelId>,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE things SET default_channel = $3, updated_at = $4
            WHERE id = $1 AND owner = $2";
        let mine = "SELECT id FROM channels WHERE id = $1 AND owner = $2";
        let tx = self.db.begin().await.map_err(failed)?;
        if let Some(channel) = channel {
            let found = tx.query_opt(mine, &[&channel, &owner]).await;
            if found.map_err(failed)?.is_none() {
                self.commit(tx, at, None).await?;
                return Err(Error::ChannelNotFound);
            }
        }
        let count = tx.execute(sql, &[&id, &owner, &channel, &at]).await;
        let found = count.map_err(deleted_meanwhile)? > 0;
        let change = found.then_some(Change::DefaultChannelChanged { id, channel });
        self.commit(tx, at, change).await
    }

    async fn delete_thing(&self, owner: Owner, id: ThingId, at: Timestamp) -> Result<bool> {
        let sql = "DELETE FROM things WHERE id = $1 AND owner = $2";
        let tx = self.db.begin().await.map_err(failed)?;
        let found = tx.execute(sql, &[&id, &owner]).await.map_err(failed)? > 0;
        let change = found.then_some(Change::ThingRemoved { id });
        let mut gone = owned::Changes::default();
        gone.add(owner, THING, id.uuid(), -1);
        self.commit_counted(tx, at, change, &gone).await
    }
}

impl Store {
    /// Returns what a key is found by and how it is kept.
    pub(super) fn protect(&self, id: ThingId, key: &Key) -> Result<(Vec<u8>, Vec<u8>)> {
        let sealed = self.keyring.seal(id, key).map_err(|error| {
            tracing::error!(thing.id = %id, %error, "key not encrypted");
            Error::Other(model::Error::internal())
        })?;
        Ok((self.keyring.hash(key.secret()).to_vec(), sealed))
    }
}

fn deleted_meanwhile(error: storage::Error) -> Error {
    match error {
        storage::Error::ForeignKey(_) => Error::ChannelNotFound,
        error @ (storage::Error::Unique(_)
        | storage::Error::Unavailable(_)
        | storage::Error::Internal(_)) => failed(error),
    }
}
