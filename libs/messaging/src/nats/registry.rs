//! Who owns a consumer's name, and which consumers on the server belong to it.

use std::fmt;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{refused, unavailable};
use super::link::Link;
use super::publish::{Outcome, store};

/// The bucket that all buses keep their records in.
pub(super) const BUCKET: &str = "consumers";

/// The record of a consumer's name. Each change needs the revision of the one before, so one of two openers wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ownership {
    /// Whoever opened it last; nobody while it is being forgotten.
    pub(super) owner: Option<Uuid>,
    /// The generation that was begun last.
    pub(super) claimed: Generation,
    /// The one that keeps the claim on what is not acknowledged; it is there until a later one is complete.
    pub(super) complete: Option<Generation>,
    /// Those begun before that one and after the complete one, by owners who did not finish.
    pub(super) abandoned: Vec<Generation>,
    /// Those before the complete one of which something may be left on the server.
    pub(super) leftover: Vec<Generation>,
    /// The subjects it was made with.
    pub(super) subjects: Vec<String>,
}

/// Tells the consumers on the server apart that one name has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Generation(u64);

impl Generation {
    /// Makes one that was never used, not even before the name was forgotten.
    pub(super) fn new() -> Self {
        Self(Uuid::new_v4().as_u64_pair().1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The records of all names of a bus.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    link: Link,
    bucket: Stream,
    stream: &'static str,
}

impl Registry {
    pub(super) fn new(link: Link, bucket: Stream, stream: &'static str) -> Self {
        Self {
            link,
            bucket,
            stream,
        }
    }

    /// Returns the record of a name and its revision; the revision is 0 when there is none.
    pub(super) async fn read(&self, durable: &str) -> Result<(Option<Ownership>, u64)> {
        let subject = self.subject(durable);
        // Asked of the leader: a replica may not know the newest yet.
        match self.bucket.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => {
                let ownership = serde_json::from_slice(&message.payload).map_err(|error| {
                    refused(format!(
                        "the record of the consumer {durable} is damaged: {error}"
                    ))
                })?;
                Ok((Some(ownership), message.sequence))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok((None, 0)),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Writes a record in place of that revision; returns the new one, or nothing when somebody else was faster.
    pub(super) async fn write(
        &self,
        durable: &str,
        ownership: &Ownership,
        revision: u64,
    ) -> Result<Option<u64>> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, revision.to_string());
        let value = serde_json::to_vec(ownership).map_err(unavailable)?;
        let subject = self.subject(durable);
        match store(&self.link, &subject, Uuid::new_v4(), headers, value.into()).await? {
            Outcome::Stored(revision) => Ok(Some(revision)),
            Outcome::Outdated => Ok(None),
            Outcome::Full => Err(Error::new(
                ErrorKind::Exhausted,
                "too_many_consumers",
                "the bus has as many durable consumers as it can",
            )),
        }
    }

    /// Removes the record of that revision; a newer one stays.
    pub(super) async fn remove(&self, durable: &str, revision: u64) -> Result<()> {
        let purge = self.bucket.purge().filter(self.subject(durable));
        let removed = purge.sequence(revision + 1).await;
        removed.map(drop).map_err(unavailable)
    }

    fn subject(&self, durable: &str) -> String {
        format!("$KV.{BUCKET}.{}.{durable}", self.stream)
    }
}
