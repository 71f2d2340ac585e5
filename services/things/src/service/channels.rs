use model::{Caller, ChannelId, Page, PageQuery, ThingId};
use tracing::instrument;

use super::Service;
use crate::model::{Channel, Details, Filter};
use crate::{Error, Result};

impl Service {
    /// Creates a channel.
    pub async fn create_channel(&self, caller: &Caller, details: Details) -> Result<Channel> {
        let channel = named(details);
        self.store_channels(caller, std::slice::from_ref(&channel))
            .await?;
        Ok(channel)
    }

    /// Creates channels, all or none.
    ///
    /// # Errors
    /// [`Error::ListLength`].
    pub async fn create_channels(
        &self,
        caller: &Caller,
        new: Vec<Details>,
    ) -> Result<Vec<Channel>> {
        self.check_length(new.len())?;
        let channels: Vec<Channel> = new.into_iter().map(named).collect();
        self.store_channels(caller, &channels).await?;
        Ok(channels)
    }

    #[instrument(skip_all, fields(user.id = %caller.user, count = channels.len()))]
    async fn store_channels(&self, caller: &Caller, channels: &[Channel]) -> Result<()> {
        let now = self.now();
        self.repository
            .create_channels(caller.user, channels, now)
            .await
    }

    /// Returns a channel.
    #[instrument(skip_all, fields(user.id = %caller.user, channel.id = %id))]
    pub async fn get_channel(&self, caller: &Caller, id: ChannelId) -> Result<Channel> {
        let channel = self.repository.get_channel(caller.user, id).await?;
        channel.ok_or(Error::ChannelNotFound)
    }

    /// Lists channels, ordered by id.
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn list_channels(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: PageQuery,
    ) -> Result<Page<Channel>> {
        self.repository
            .list_channels(caller.user, filter, page)
            .await
    }

    /// Lists the channels a thing is connected to: none when the thing is not the caller's.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %thing))]
    pub async fn list_channels_of(
        &self,
        caller: &Caller,
        thing: ThingId,
        page: PageQuery,
    ) -> Result<Page<Channel>> {
        self.repository
            .list_channels_of(caller.user, thing, page)
            .await
    }

    /// Replaces what is said about a channel: what is left out becomes empty.
    #[instrument(skip_all, fields(user.id = %caller.user, channel.id = %id))]
    pub async fn update_channel(
        &self,
        caller: &Caller,
        id: ChannelId,
        details: &Details,
    ) -> Result<()> {
        let now = self.now();
        let updated = self
            .repository
            .update_channel(caller.user, id, details, now)
            .await?;
        updated.then_some(()).ok_or(Error::ChannelNotFound)
    }

    /// Deletes a channel with its connections; what is not the caller's stays, and nobody hears of it.
    #[instrument(skip_all, fields(user.id = %caller.user, channel.id = %id))]
    pub async fn delete_channel(&self, caller: &Caller, id: ChannelId) -> Result<()> {
        let now = self.now();
        self.repository.delete_channel(caller.user, id, now).await?;
        Ok(())
    }
}

fn named(details: Details) -> Channel {
    Channel {
        id: ChannelId::random(),
        details,
    }
}
