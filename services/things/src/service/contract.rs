//! What things offer the other roles.

use async_trait::async_trait;
use model::{Action, ChannelId, Credentials, Result, Secret, ThingId};
use proto::things::{Changes, Things};
use serde_json::{Map, Value};
use tracing::instrument;

use super::Service;
use crate::Error;
use crate::model::Fingerprint;

#[async_trait]
impl Things for Service {
    #[instrument(skip_all)]
    async fn authenticate(&self, credentials: &Credentials) -> Result<ThingId> {
        let holder = self.repository.thing_of_key(credentials.key()).await?;
        let claimed = match credentials {
            Credentials::Key(_) => None,
            Credentials::Pair(thing, _) => Some(*thing),
        };
        holder
            .filter(|holder| claimed.is_none_or(|claimed| claimed == *holder))
            .ok_or_else(|| Error::KeyUnknown.into())
    }

    #[instrument(skip_all)]
    async fn authenticate_certificate(
        &self,
        sha256: &[u8; 32],
        named: Option<ThingId>,
    ) -> Result<ThingId> {
        let sha256 = Fingerprint::from(*sha256);
        if let Some(certificate) = self.repository.find_certificate(sha256).await? {
            certificate.check(self.now())?;
            return Ok(certificate.thing);
        }
        if let Some(named) = named
            && self.repository.has_thing(named).await?
        {
            return Ok(named);
        }
        Err(Error::CertificateUnknown.into())
    }

    /// A connection is the right to do both; who owns what is not asked (contract section 2.4).
    #[instrument(skip_all, fields(thing.id = %thing, channel.id = %channel))]
    async fn authorize(&self, thing: ThingId, channel: ChannelId, action: Action) -> Result<()> {
        let (Action::Publish | Action::Subscribe) = action;
        let connected = self.repository.is_connected(thing, channel).await?;
        connected
            .then_some(())
            .ok_or_else(|| Error::NotConnected.into())
    }

    #[instrument(skip_all, fields(thing.id = %thing))]
    async fn default_channel(&self, thing: ThingId) -> Result<Option<ChannelId>> {
        Ok(self.repository.default_channel(thing).await?)
    }

    #[instrument(skip_all, fields(channel.id = %channel))]
    async fn authorize_owner(&self, token: &Secret, channel: ChannelId) -> Result<()> {
        let caller = self.authenticate_user(token).await?;
        let owned = self.repository.get_channel(caller.user, channel).await?;
        owned
            .map(|_| ())
            .ok_or_else(|| Error::ChannelForeign.into())
    }

    #[instrument(skip_all, fields(channel.id = %channel))]
    async fn channel_metadata(&self, channel: ChannelId) -> Result<Map<String, Value>> {
        let metadata = self.repository.channel_metadata(channel).await?;
        let metadata = metadata.ok_or(Error::ChannelNotFound)?;
        match metadata.value() {
            Some(Value::Object(metadata)) => Ok(metadata),
            _ => Ok(Map::new()),
        }
    }

    #[instrument(skip_all)]
    async fn changes(&self, since: u64) -> Result<Changes> {
        Ok(self.repository.changes(since).await?)
    }
}
