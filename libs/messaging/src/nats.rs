//! The buses on a NATS server with JetStream, version 2.9 or later.
//!
//! Streams and buckets are made when they are missing. Several processes share them; what one of them must own, the name of
//! a durable consumer, is recorded in a bucket. Servers that a cluster announces are held to the same TLS as those of the URL.

mod address;
mod bucket;
mod bus;
mod consumer;
mod driver;
mod durable;
mod error;
mod group;
mod link;
mod live;
mod merge;
mod names;
mod preflight;
mod publish;
mod pull;
mod registry;
mod signals;
mod site;
mod streams;
mod tls;
mod watch;

use std::sync::Arc;

use model::Result;
use proto::Event;

use self::address::Address;
use self::bucket::NatsBucket;
use self::bus::NatsBus;
use self::driver::{Pumps, drive};
use self::error::refused;
use self::link::Link;
use self::signals::NatsSignals;
pub use self::tls::{NatsFile, NatsTls, install_crypto};
use crate::bucket::MAX_BYTES as MAX_BUCKET_BYTES;
use crate::open::{Buses, Config, Driver, Durability};
use crate::{Message, Record};

/// How much the records of who owns which consumer may take.
const MAX_REGISTRY_BYTES: u64 = 64 << 20;
/// How much of what is not acknowledged the stream of events keeps at most; the services have the rest in their outbox.
const MAX_EVENT_BYTES: u64 = 256 << 20;

/// Connects to the server as [`open`] does, and makes nothing there; returns a known weakness of it.
pub(crate) async fn probe(url: &str, config: &Config) -> Result<Option<&'static str>> {
    let link = Link::connect(&url.parse()?, &config.nats_tls).await?;
    Ok(link::weakness(&link.client))
}

/// Opens the buses on the server of that URL, whose credentials are shown to nobody else.
pub(crate) async fn open(url: &str, config: &Config) -> Result<(Buses, Driver)> {
    if config.durability == Durability::Power && !config.nats_sync_always {
        return Err(refused(
            "NATS acknowledges before it syncs, so MF_BUS_DURABILITY=power cannot be kept; configure the server \
             with sync_interval: always and say so with MF_NATS_SYNC_ALWAYS=true"
                .to_owned(),
        ));
    }
    let address: Address = url.parse()?;
    if let Some((file, problem)) = config.nats_tls.check().into_iter().next() {
        return Err(refused(format!(
            "TLS to NATS cannot be used, {file:?}: {problem}"
        )));
    }
    let link = Link::connect(&address, &config.nats_tls).await?;
    let (pumps, arriving) = Pumps::new();
    let opened = Opening {
        link: link.clone(),
        pumps,
        replicas: config.nats_replicas,
    };
    let buses = Buses {
        messages: Arc::new(opened.bus::<Message>(config.max_bytes).await?),
        events: Arc::new(
            opened
                .bus::<Event>(config.max_bytes.min(MAX_EVENT_BYTES))
                .await?,
        ),
        sessions: Arc::new(opened.bucket("sessions").await?),
        exchanges: Arc::new(opened.bucket("exchanges").await?),
        retained: Arc::new(opened.bucket("retained").await?),
        takeovers: Arc::new(opened.signals("takeovers")),
    };
    let driver = Driver::new(|stop| drive(link, arriving, stop));
    Ok((buses, driver))
}

struct Opening {
    link: Link,
    pumps: Pumps,
    replicas: usize,
}

impl Opening {
    async fn bus<T: Record>(&self, max_bytes: u64) -> Result<NatsBus<T>> {
        let stream = streams::of_bus::<T>(max_bytes, self.replicas);
        let stream = streams::ensure(&self.link, &stream).await?;
        let registry = streams::of_bucket(registry::BUCKET, MAX_REGISTRY_BYTES, self.replicas);
        let registry = streams::ensure(&self.link, &registry).await?;
        Ok(NatsBus::new(
            self.link.clone(),
            stream,
            registry,
            self.pumps.clone(),
        ))
    }

    fn signals(&self, name: &str) -> NatsSignals {
        NatsSignals::new(self.link.clone(), self.pumps.clone(), name)
    }

    async fn bucket(&self, name: &'static str) -> Result<NatsBucket> {
        let stream = streams::of_bucket(name, MAX_BUCKET_BYTES, self.replicas);
        let stream = streams::ensure(&self.link, &stream).await?;
        Ok(NatsBucket::new(
            self.link.clone(),
            name,
            stream,
            self.pumps.clone(),
        ))
    }
}
