//! How things and channels come to be.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use model::{Timestamp, UserId};
use proto::Change;
use serde_json::Value;
use storage::{Bulk, Param};
use uuid::Uuid;

use super::owned::{CHANNEL, Changes, Kind, THING};
use super::{Store, failed, record};
use crate::model::{Channel, Details, Owner, Thing};
use crate::{Error, Result};

static THINGS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO things (id, owner, name, metadata, created_at, updated_at, key_hash, key_sealed) VALUES",
        8,
        "",
    )
});
static CHANNELS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO channels (id, owner, name, metadata, created_at, updated_at) VALUES",
        6,
        "",
    )
});
static REMOVED: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("SELECT owner FROM removed_owners WHERE owner IN (", 1, ")"));

/// What one request creates.
pub(super) struct Creation {
    owner: Owner,
    at: Timestamp,
    rows: Vec<NewRow>,
}

/// A thing with the hash and the ciphertext of its key, or a channel.
struct NewRow {
    id: Uuid,
    key: Option<(Vec<u8>, Vec<u8>)>,
    name: String,
    metadata: Option<Value>,
}

impl NewRow {
    fn new(id: Uuid, key: Option<(Vec<u8>, Vec<u8>)>, details: &Details) -> Self {
        Self {
            id,
            key,
            name: details.name.as_str().to_owned(),
            metadata: details.metadata.value(),
        }
    }

    fn kind(&self) -> Kind {
        if self.key.is_some() { THING } else { CHANNEL }
    }

    fn event(&self, owner: UserId) -> Change {
        let (name, metadata) = (self.name.clone(), self.metadata.clone());
        if self.key.is_some() {
            let id = self.id.into();
            Change::ThingCreated {
                id,
                owner,
                name,
                metadata,
            }
        } else {
            let id = self.id.into();
            Change::ChannelCreated {
                id,
                owner,
                name,
                metadata,
            }
        }
    }
}

impl Store {
    pub(super) async fn create_sealed(
        &self,
        owner: Owner,
        things: &[Thing],
        at: Timestamp,
    ) -> Result<()> {
        let sealed = |thing: &Thing| {
            let key = self.protect(thing.id, &thing.key)?;
            Ok(NewRow::new(thing.id.uuid(), Some(key), &thing.details))
        };
        let rows = things.iter().map(sealed).collect::<Result<_>>()?;
        self.create(Creation { owner, at, rows }).await
    }

    pub(super) async fn create_open(
        &self,
        owner: Owner,
        channels: &[Channel],
        at: Timestamp,
    ) -> Result<()> {
        let new = |channel: &Channel| NewRow::new(channel.id.uuid(), None, &channel.details);
        let rows = channels.iter().map(new).collect();
        self.create(Creation { owner, at, rows }).await
    }

    async fn create(&self, new: Creation) -> Result<()> {
        let (store, rows) = (self.clone(), new.rows.len());
        let write = |new| async move { store.create_each(new).await };
        self.creations.submit(new, rows, write).await
    }

    /// Creates what several requests ask for; when that is refused, each by itself, to find out whose fault it is.
    async fn create_each(&self, new: Vec<Creation>) -> Vec<Result<()>> {
        match self.create_all(&new).await {
            Err(Error::KeyTaken | Error::OwnerRemoved) if new.len() > 1 => {}
            outcome => return vec![outcome; new.len()],
        }
        let mut outcomes = Vec::with_capacity(new.len());
        for one in &new {
            outcomes.push(self.create_all(std::slice::from_ref(one)).await);
        }
        outcomes
    }

    async fn create_all(&self, new: &[Creation]) -> Result<()> {
        let (mut things, mut channels) = (Vec::<&dyn Param>::new(), Vec::<&dyn Param>::new());
        let (mut owned, mut owners) = (Changes::default(), BTreeSet::new());
        let mut events = Vec::new();
        for Creation { owner, at, rows } in new {
            owners.insert(owner);
            for row in rows {
                let values: [&dyn Param; 6] = [&row.id, owner, &row.name, &row.metadata, at, at];
                if let Some((hash, sealed)) = &row.key {
                    things.extend(values);
                    things.extend([hash as &dyn Param, sealed]);
                } else {
                    channels.extend(values);
                }
                owned.add(*owner, row.kind(), row.id, 1);
                events.push((*at, row.event(*owner)));
            }
        }
        let mut inserts = THINGS.statements(&things).map_err(failed)?;
        inserts.extend(CHANNELS.statements(&channels).map_err(failed)?);
        inserts.extend(owned.statements()?);
        let owners: Vec<&dyn Param> = owners.iter().map(|owner| *owner as &dyn Param).collect();
        // With events written, see `retire_owner`.
        let removed = REMOVED.statements(&owners).map_err(failed)?;
        let tx = self.db.begin().await.map_err(failed)?;
        let removed = record(&tx, inserts, events, removed).await;
        if removed
            .map_err(key_taken)?
            .iter()
            .any(|rows| !rows.is_empty())
        {
            return Err(Error::OwnerRemoved);
        }
        self.finish(tx).await
    }
}

/// The only unique value a caller can choose is the key.
pub(super) fn key_taken(error: storage::Error) -> Error {
    match error {
        storage::Error::Unique(_) => Error::KeyTaken,
        error @ (storage::Error::ForeignKey(_)
        | storage::Error::Unavailable(_)
        | storage::Error::Internal(_)) => failed(error),
    }
}
