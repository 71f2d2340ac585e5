use model::{Caller, ChannelId, Page, PageQuery, ThingId};
use tracing::instrument;

use super::Service;
use crate::model::{Details, Filter, Key, NewThing, Thing};
use crate::{Error, Result};

impl Service {
    /// Creates a thing.
    ///
    /// # Errors
    /// [`Error::KeyTaken`], whoever has the key.
    pub async fn create_thing(&self, caller: &Caller, new: NewThing) -> Result<Thing> {
        let thing = named(new);
        self.store_things(caller, std::slice::from_ref(&thing))
            .await?;
        Ok(thing)
    }

    /// Creates things, all or none.
    ///
    /// # Errors
    /// [`Error::ListLength`], and [`Error::KeyTaken`] also when two of them have the same key.
    pub async fn create_things(&self, caller: &Caller, new: Vec<NewThing>) -> Result<Vec<Thing>> {
        self.check_length(new.len())?;
        let things: Vec<Thing> = new.into_iter().map(named).collect();
        self.store_things(caller, &things).await?;
        Ok(things)
    }

    #[instrument(skip_all, fields(user.id = %caller.user, count = things.len()))]
    async fn store_things(&self, caller: &Caller, things: &[Thing]) -> Result<()> {
        let now = self.now();
        self.repository
            .create_things(caller.user, things, now)
            .await
    }

    /// Returns a thing.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %id))]
    pub async fn get_thing(&self, caller: &Caller, id: ThingId) -> Result<Thing> {
        let thing = self.repository.get_thing(caller.user, id).await?;
        thing.ok_or(Error::ThingNotFound)
    }

    /// Lists things, ordered by id.
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn list_things(
        &self,
        caller: &Caller,
        filter: &Filter,
        page: PageQuery,
    ) -> Result<Page<Thing>> {
        self.repository.list_things(caller.user, filter, page).await
    }

    /// Lists the things connected to a channel: none when the channel is not the caller's.
    #[instrument(skip_all, fields(user.id = %caller.user, channel.id = %channel))]
    pub async fn list_things_of(
        &self,
        caller: &Caller,
        channel: ChannelId,
        page: PageQuery,
    ) -> Result<Page<Thing>> {
        self.repository
            .list_things_of(caller.user, channel, page)
            .await
    }

    /// Replaces what is said about a thing: what is left out becomes empty.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %id))]
    pub async fn update_thing(
        &self,
        caller: &Caller,
        id: ThingId,
        details: &Details,
    ) -> Result<()> {
        let now = self.now();
        let updated = self
            .repository
            .update_thing(caller.user, id, details, now)
            .await?;
        updated.then_some(()).ok_or(Error::ThingNotFound)
    }

    /// Replaces the key of a thing; the old one is void at once, also where it was remembered.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %id))]
    pub async fn update_key(&self, caller: &Caller, id: ThingId, key: &Key) -> Result<()> {
        let now = self.now();
        let updated = self
            .repository
            .update_key(caller.user, id, key, now)
            .await?;
        updated.then_some(()).ok_or(Error::ThingNotFound)
    }

    /// Sets where the relative MQTT topics of a thing lead, or that they lead nowhere; it counts from its next connection on.
    ///
    /// # Errors
    /// [`Error::ThingNotFound`] or [`Error::ChannelNotFound`] when either is not the caller's.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %id))]
    pub async fn set_default_channel(
        &self,
        caller: &Caller,
        id: ThingId,
        channel: Option<ChannelId>,
    ) -> Result<()> {
        let now = self.now();
        let set = self
            .repository
            .set_default_channel(caller.user, id, channel, now)
            .await?;
        set.then_some(()).ok_or(Error::ThingNotFound)
    }

    /// Deletes a thing with its connections and certificates; what is not the caller's stays, and nobody hears of it.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %id))]
    pub async fn delete_thing(&self, caller: &Caller, id: ThingId) -> Result<()> {
        let now = self.now();
        self.repository.delete_thing(caller.user, id, now).await?;
        Ok(())
    }
}

fn named(new: NewThing) -> Thing {
    Thing {
        id: ThingId::random(),
        key: new.key.unwrap_or_else(Key::random),
        default_channel: None,
        details: new.details,
    }
}
