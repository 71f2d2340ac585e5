use async_trait::async_trait;
use model::{ChannelId, Secret, ThingId};
use proto::things::Changes;
use storage::outbox;

use super::rows::certificate;
use super::{Store, failed};
use crate::Result;
use crate::model::{Certificate, Fingerprint, Metadata};
use crate::repository::AccessRepository;

/// How many events one answer holds at most; whoever asked asks again from the last one.
const MAX_CHANGES: u32 = 1000;

#[async_trait]
impl AccessRepository for Store {
    async fn thing_of_key(&self, key: &Secret) -> Result<Option<ThingId>> {
        let sql = "SELECT id FROM things WHERE key_hash = $1";
        let hash = self.keyring.hash(key).to_vec();
        let row = self.db.query_opt(sql, &[&hash]).await.map_err(failed)?;
        row.map(|row| row.get("id").map_err(failed)).transpose()
    }

    async fn find_certificate(&self, sha256: Fingerprint) -> Result<Option<Certificate>> {
        let sql = "SELECT sha256, thing_id, serial, subject, created_at, revoked_at, not_after
            FROM certificates WHERE sha256 = $1";
        let sha256 = sha256.as_bytes().to_vec();
        let row = self.db.query_opt(sql, &[&sha256]).await.map_err(failed)?;
        row.as_ref().map(certificate).transpose()
    }

    async fn has_thing(&self, id: ThingId) -> Result<bool> {
        let sql = "SELECT id FROM things WHERE id = $1";
        let row = self.db.query_opt(sql, &[&id]).await.map_err(failed)?;
        Ok(row.is_some())
    }

    async fn default_channel(&self, id: ThingId) -> Result<Option<ChannelId>> {
        let sql = "SELECT default_channel FROM things WHERE id = $1";
        let row = self.db.query_opt(sql, &[&id]).await.map_err(failed)?;
        let channel = row.map(|row| row.get("default_channel").map_err(failed));
        Ok(channel.transpose()?.flatten())
    }

    async fn is_connected(&self, thing: ThingId, channel: ChannelId) -> Result<bool> {
        let sql = "SELECT thing_id FROM connections WHERE channel_id = $1 AND thing_id = $2";
        let row = self.db.query_opt(sql, &[&channel, &thing]).await;
        Ok(row.map_err(failed)?.is_some())
    }

    async fn channel_metadata(&self, channel: ChannelId) -> Result<Option<Metadata>> {
        let sql = "SELECT metadata FROM channels WHERE id = $1";
        let row = self.db.query_opt(sql, &[&channel]).await.map_err(failed)?;
        row.map(|row| Ok(Metadata::stored(row.get("metadata").map_err(failed)?)))
            .transpose()
    }

    async fn changes(&self, number: u64) -> Result<Changes> {
        let since = outbox::since(&self.db, number, MAX_CHANGES).await;
        let since = since.map_err(failed)?;
        let mut events = Vec::with_capacity(since.events.len());
        for (_, json) in &since.events {
            events.extend(serde_json::from_str(json).ok());
        }
        // An event this version cannot read may have been about anything, as if it were gone.
        let readable = events.len() == since.events.len();
        Ok(Changes {
            events,
            latest: since.latest,
            complete: since.complete && readable,
        })
    }

    async fn ready(&self) -> Result<()> {
        self.db.ping().await.map_err(failed)
    }
}
