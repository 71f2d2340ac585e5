use async_nats::HeaderMap;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_trait::async_trait;
use bytes::Bytes;
use model::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::driver::Pumps;
use super::error::unavailable;
use super::link::Link;
use super::publish::{Outcome, store};
use super::watch;
use crate::{Bucket, Entry, key};

/// What marks a message that stands for the removal of its key.
pub(super) const OPERATION: &str = "KV-Operation";
const DELETE: &str = "DEL";

/// A bucket on NATS, laid out like the key-value buckets of other clients.
pub(super) struct NatsBucket {
    link: Link,
    name: &'static str,
    stream: Stream,
    pumps: Pumps,
}

impl NatsBucket {
    pub(super) fn new(link: Link, name: &'static str, stream: Stream, pumps: Pumps) -> Self {
        Self {
            link,
            name,
            stream,
            pumps,
        }
    }

    fn subject(&self, key: &str) -> Result<String> {
        key::check(key)?;
        Ok(format!("$KV.{}.{key}", self.name))
    }

    async fn write(&self, key: &str, headers: HeaderMap, value: Bytes) -> Result<()> {
        let subject = self.subject(key)?;
        match store(&self.link, &subject, Uuid::new_v4(), headers, value).await? {
            Outcome::Stored(_) => Ok(()),
            Outcome::Full => Err(Error::new(
                ErrorKind::Exhausted,
                "bucket_full",
                "the bucket holds as much as it may",
            )),
            Outcome::Outdated => Err(Error::internal()),
        }
    }
}

#[async_trait]
impl Bucket for NatsBucket {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let subject = self.subject(key)?;
        // Asked of the leader: a replica may not have what another node has just put.
        match self.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) if message.headers.get(OPERATION).is_some() => Ok(None),
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn put(&self, key: &str, value: Bytes) -> Result<()> {
        self.write(key, HeaderMap::new(), value).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION, DELETE);
        self.write(key, headers, Bytes::new()).await
    }

    async fn watch(&self) -> Result<mpsc::Receiver<Entry>> {
        let prefix = format!("$KV.{}.", self.name);
        watch::open(&self.link, &self.stream, prefix, &self.pumps).await
    }
}
