use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::Stream;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use metrics::Counter;
use model::{Error, ErrorKind, Result};
use tokio::task::coop::unconstrained;
use tokio::time::timeout;

use super::consumer::{NatsConsumer, Source};
use super::driver::Pumps;
use super::durable::Durable;
use super::error::unavailable;
use super::group::Group;
use super::link::Link;
use super::live::Live;
use super::publish::{Outcome, store};
use super::registry::Registry;
use super::site::Site;
use crate::live::LiveSender;
use crate::record::RecordFilter;
use crate::share::Shares;
use crate::{Bus, Consumer, LiveGuard, Record, Seq};

/// How long a check of readiness may take.
const READY_DEADLINE: Duration = Duration::from_secs(2);

/// A bus on NATS JetStream.
///
/// What it cannot do as well as the one in process: live queues get a record when the server does, which may be before it
/// is acknowledged, and even when the stream then refuses it; and a record sent while the stream is full still reaches
/// them.
pub(super) struct NatsBus<T: Record> {
    link: Link,
    stream: Stream,
    registry: Registry,
    live: Live<T>,
    pumps: Pumps,
    shares: Shares<T>,
    dropped: Counter,
}

impl<T: Record> NatsBus<T> {
    pub(super) fn new(link: Link, stream: Stream, consumers: Stream, pumps: Pumps) -> Self {
        Self {
            registry: Registry::new(link.clone(), consumers, T::STREAM),
            live: Live::new(link.clone(), pumps.clone()),
            pumps,
            shares: Shares::new(),
            link,
            stream,
            dropped: metrics::counter!("messaging_send_dropped_total", "stream" => T::STREAM),
        }
    }

    fn site(&self, name: &str) -> Site {
        Site::new(self.link.clone(), T::STREAM, name)
    }

    fn durable(&self, name: &str, subjects: Vec<String>) -> Durable {
        Durable::new(self.registry.clone(), self.site(name), subjects)
    }
}

fn encode<T: Record>(record: &T) -> Bytes {
    let mut bytes = Vec::with_capacity(record.size());
    record.encode(&mut bytes);
    bytes.into()
}

#[async_trait]
impl<T: Record> Bus<T> for NatsBus<T> {
    async fn publish(&self, record: Arc<T>) -> Result<Seq> {
        let (subject, payload) = (record.subject(), encode(&*record));
        match store(&self.link, &subject, record.id(), HeaderMap::new(), payload).await? {
            Outcome::Stored(seq) => Ok(Seq(seq)),
            Outcome::Full => Err(full()),
            Outcome::Outdated => Err(Error::internal()),
        }
    }

    fn send(&self, record: Arc<T>) {
        let sent = self.link.is_connected().then(|| {
            let publishing = self.link.client.publish(record.subject(), encode(&*record));
            unconstrained(publishing).now_or_never()
        });
        if !matches!(sent, Some(Some(Ok(())))) {
            self.dropped.increment(1);
        }
    }

    async fn live(&self, filter: T::Filter, queue: &LiveSender<T>) -> Result<LiveGuard> {
        self.live.subscribe(filter, queue).await
    }

    async fn consumer(&self, name: &str, filter: T::Filter) -> Result<Box<dyn Consumer<T>>> {
        let durable = self.durable(name, filter.subjects());
        let source = Source::owned(durable);
        let consumer = NatsConsumer::open(self.link.clone(), source, filter).await?;
        Ok(Box::new(consumer))
    }

    async fn shared(&self, name: &str, filter: T::Filter) -> Result<Box<dyn Consumer<T>>> {
        let group = Group::new(self.site(name), filter.subjects(), self.pumps.clone());
        let source = Source::Shared(Box::new(group));
        let opening = async {
            let consumer = NatsConsumer::open(self.link.clone(), source, filter).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer<T>>)
        };
        self.shares.open(name, opening).await
    }

    async fn forget(&self, name: &str) -> Result<()> {
        let owned = self.durable(name, Vec::new()).forget().await?;
        if owned {
            Ok(())
        } else {
            Group::forget(&self.site(name)).await
        }
    }

    async fn ready(&self) -> Result<()> {
        if !self.link.is_connected() {
            return Err(unavailable("not connected"));
        }
        let info = timeout(READY_DEADLINE, self.stream.get_info()).await;
        let info = info.map_err(unavailable)?.map_err(unavailable)?;
        let room = u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX);
        if info.state.bytes >= room {
            return Err(full());
        }
        Ok(())
    }
}

fn full() -> Error {
    Error::new(
        ErrorKind::Exhausted,
        "bus_full",
        "the bus keeps as much for its consumers as it may; try again when they have caught up",
    )
}
