//! What the rules need from storage, in five parts.
//!
//! Whatever changes something writes its events in the same transaction, and only when something did change.
//! What belongs to somebody else is not there: absence is `None` or `false`. Lists are ordered by id, and the
//! total is that of the whole list that was asked for.

use std::any::Any;

use async_trait::async_trait;
use model::{ChannelId, Page, PageQuery, Secret, ThingId, Timestamp};
use proto::things::Changes;

use crate::Result;
use crate::model::{
    Certificate, Channel, Connections, Details, Filter, Fingerprint, Key, Metadata, Owner, Thing,
};

/// All of what the rules need from storage.
pub trait Repository:
    ThingRepository
    + ChannelRepository
    + ConnectionRepository
    + CertificateRepository
    + AccessRepository
    + OwnerRepository
{
}

impl<T> Repository for T where
    T: ThingRepository
        + ChannelRepository
        + ConnectionRepository
        + CertificateRepository
        + AccessRepository
        + OwnerRepository
{
}

/// Things of an owner.
#[async_trait]
pub trait ThingRepository: Send + Sync {
    /// Creates things, all or none; fails with `KeyTaken` when any key is in use.
    async fn create_things(&self, owner: Owner, things: &[Thing], at: Timestamp) -> Result<()>;

    /// Returns a thing.
    async fn get_thing(&self, owner: Owner, id: ThingId) -> Result<Option<Thing>>;

    /// Lists things.
    async fn list_things(
        &self,
        owner: Owner,
        filter: &Filter,
        query: PageQuery,
    ) -> Result<Page<Thing>>;

    /// Lists the things connected to a channel.
    async fn list_things_of(
        &self,
        owner: Owner,
        channel: ChannelId,
        query: PageQuery,
    ) -> Result<Page<Thing>>;

    /// Replaces what is said about a thing.
    async fn update_thing(
        &self,
        owner: Owner,
        id: ThingId,
        details: &Details,
        at: Timestamp,
    ) -> Result<bool>;

    /// Replaces the key of a thing; fails with `KeyTaken` when it is in use.
    async fn update_key(&self, owner: Owner, id: ThingId, key: &Key, at: Timestamp)
    -> Result<bool>;

    /// Sets or clears the default channel of a thing; fails with `ChannelNotFound` when there is no such channel.
    async fn set_default_channel(
        &self,
        owner: Owner,
        id: ThingId,
        channel: Option<ChannelId>,
        at: Timestamp,
    ) -> Result<bool>;

    /// Deletes a thing with its connections and certificates.
    async fn delete_thing(&self, owner: Owner, id: ThingId, at: Timestamp) -> Result<bool>;
}

/// Channels of an owner.
#[async_trait]
pub trait ChannelRepository: Send + Sync {
    /// Creates channels, all or none.
    async fn create_channels(
        &self,
        owner: Owner,
        channels: &[Channel],
        at: Timestamp,
    ) -> Result<()>;

    /// Returns a channel.
    async fn get_channel(&self, owner: Owner, id: ChannelId) -> Result<Option<Channel>>;

    /// Lists channels.
    async fn list_channels(
        &self,
        owner: Owner,
        filter: &Filter,
        query: PageQuery,
    ) -> Result<Page<Channel>>;

    /// Lists the channels a thing is connected to.
    async fn list_channels_of(
        &self,
        owner: Owner,
        thing: ThingId,
        query: PageQuery,
    ) -> Result<Page<Channel>>;

    /// Replaces what is said about a channel.
    async fn update_channel(
        &self,
        owner: Owner,
        id: ChannelId,
        details: &Details,
        at: Timestamp,
    ) -> Result<bool>;

    /// Deletes a channel with its connections.
    async fn delete_channel(&self, owner: Owner, id: ChannelId, at: Timestamp) -> Result<bool>;
}

/// Connections between an owner's things and channels.
#[async_trait]
pub trait ConnectionRepository: Send + Sync {
    /// Connects things to channels, all or none; what is connected stays so.
    ///
    /// Fails with `ThingNotFound` or `ChannelNotFound` when a side is missing.
    async fn connect(&self, owner: Owner, connections: &Connections, at: Timestamp) -> Result<()>;

    /// Disconnects things from channels, all or none; fails with `ConnectionNotFound` when any is not connected.
    async fn disconnect(
        &self,
        owner: Owner,
        connections: &Connections,
        at: Timestamp,
    ) -> Result<()>;
}

/// Certificates of an owner's things.
#[async_trait]
pub trait CertificateRepository: Send + Sync {
    /// Registers a certificate; fails with `CertificateTaken` when it is registered, for whichever thing.
    async fn create_certificate(&self, owner: Owner, new: &Certificate) -> Result<bool>;

    /// Lists the certificates of a thing, or nothing when there is no such thing.
    async fn list_certificates(
        &self,
        owner: Owner,
        thing: ThingId,
        query: PageQuery,
    ) -> Result<Option<Page<Certificate>>>;

    /// Revokes a certificate; one revoked before stays as it is.
    async fn revoke_certificate(
        &self,
        owner: Owner,
        thing: ThingId,
        sha256: Fingerprint,
        at: Timestamp,
    ) -> Result<bool>;

    /// Deletes a certificate.
    async fn delete_certificate(
        &self,
        owner: Owner,
        thing: ThingId,
        sha256: Fingerprint,
        at: Timestamp,
    ) -> Result<bool>;
}

/// What devices and their adapters ask, whoever the owner is.
#[async_trait]
pub trait AccessRepository: Send + Sync {
    /// Tells which thing has a key.
    async fn thing_of_key(&self, key: &Secret) -> Result<Option<ThingId>>;

    /// Returns a certificate, whosever it is, revoked or not.
    async fn find_certificate(&self, sha256: Fingerprint) -> Result<Option<Certificate>>;

    /// Tells whether there is a thing, whosever it is.
    async fn has_thing(&self, id: ThingId) -> Result<bool>;

    /// Returns the default channel of a thing, if there is such a thing and it has one.
    async fn default_channel(&self, id: ThingId) -> Result<Option<ChannelId>>;

    /// Tells whether a thing is connected to a channel.
    async fn is_connected(&self, thing: ThingId, channel: ChannelId) -> Result<bool>;

    /// Returns the metadata of a channel, whosever it is.
    async fn channel_metadata(&self, channel: ChannelId) -> Result<Option<Metadata>>;

    /// Lists the events after a number.
    async fn changes(&self, since: u64) -> Result<Changes>;

    /// Succeeds when storage can be reached.
    async fn ready(&self) -> Result<()>;
}

/// What becomes of an owner's possessions when the owner is gone.
#[async_trait]
pub trait OwnerRepository: Send + Sync {
    /// Makes sure that nothing can be created for a user any more; what is under way counts as before.
    async fn retire_owner(&self, owner: Owner, at: Timestamp) -> Result<()>;

    /// Deletes at most so many of a user's channels and things; returns how many, none once nothing is left.
    async fn delete_some_of(&self, owner: Owner, limit: u32, at: Timestamp) -> Result<u32>;

    /// Becomes the only one of all replicas that does something, until the answer is dropped.
    async fn lead(&self, what: &'static str) -> Result<Option<Box<dyn Any + Send + Sync>>>;
}
