//! What rows mean to the rules, and what pages mean to the database.

use model::{Page, PageQuery};
use storage::Row;
use uuid::Uuid;

use super::failed;
use crate::keyring::Keyring;
use crate::model::{Certificate, Channel, Details, Fingerprint, Metadata, Name, Thing};
use crate::{Error, Result};

/// Where a part of a list begins: after an id, and then so many items further.
pub(super) struct Start {
    pub(super) after: Uuid,
    pub(super) skip: i64,
    pub(super) total: Option<u64>,
}

impl Start {
    /// Begins after an id; how many there are in all is not asked.
    pub(super) fn after(after: Uuid) -> Self {
        let (skip, total) = (0, None);
        Self { after, skip, total }
    }

    /// Begins at an offset from the first of all.
    pub(super) fn counted(total: u64, query: PageQuery) -> Self {
        Self {
            after: Uuid::nil(),
            skip: bounds(query).1,
            total: Some(total),
        }
    }
}

/// Returns limit and offset as the databases take them; beyond their range there is nothing to list.
pub(super) fn bounds(page: PageQuery) -> (i64, i64) {
    let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
    (signed(page.limit), signed(page.offset))
}

/// Returns how many rows to ask for: one more than is shown tells whether the list goes on.
pub(super) fn asked(page: PageQuery) -> i64 {
    bounds(page).0.saturating_add(1)
}

pub(super) fn total(row: &Row) -> Result<u64> {
    let total: i64 = row.get("total").map_err(failed)?;
    Ok(u64::try_from(total).unwrap_or_default())
}

/// Makes a page of the rows that were [`asked`] for.
pub(super) fn page<T>(
    query: PageQuery,
    start: &Start,
    rows: &[Row],
    item: impl Fn(&Row) -> Result<T>,
) -> Result<Page<T>> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let shown = rows.get(..limit).unwrap_or(rows);
    let last = shown.last().filter(|_| rows.len() > shown.len());
    Ok(Page {
        total: start.total,
        items: shown.iter().map(item).collect::<Result<_>>()?,
        next: last.map(|row| row.get("id").map_err(failed)).transpose()?,
    })
}

pub(super) fn thing(row: &Row, keyring: &Keyring) -> Result<Thing> {
    let id = row.get("id").map_err(failed)?;
    let sealed: Vec<u8> = row.get("key_sealed").map_err(failed)?;
    let key = keyring.open(id, &sealed).map_err(|error| {
        tracing::error!(thing.id = %id, %error, "key not readable");
        Error::Other(model::Error::internal())
    })?;
    Ok(Thing {
        id,
        key,
        default_channel: row.get("default_channel").map_err(failed)?,
        details: details(row)?,
    })
}

pub(super) fn channel(row: &Row) -> Result<Channel> {
    Ok(Channel {
        id: row.get("id").map_err(failed)?,
        details: details(row)?,
    })
}

fn details(row: &Row) -> Result<Details> {
    Ok(Details {
        name: Name::stored(row.get("name").map_err(failed)?),
        metadata: Metadata::stored(row.get("metadata").map_err(failed)?),
    })
}

pub(super) fn certificate(row: &Row) -> Result<Certificate> {
    let sha256: Vec<u8> = row.get("sha256").map_err(failed)?;
    let sha256: [u8; 32] = sha256.try_into().map_err(|_| {
        tracing::error!("a fingerprint in the database has not 32 bytes");
        Error::Other(model::Error::internal())
    })?;
    Ok(Certificate {
        sha256: Fingerprint::from(sha256),
        thing: row.get("thing_id").map_err(failed)?,
        created: row.get("created_at").map_err(failed)?,
        revoked: row.get("revoked_at").map_err(failed)?,
        not_after: row.get("not_after").map_err(failed)?,
        serial: row.get("serial").map_err(failed)?,
        subject: row.get("subject").map_err(failed)?,
    })
}
