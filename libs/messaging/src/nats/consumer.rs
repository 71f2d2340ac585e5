use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::coop::unconstrained;
use tokio::time::sleep;
use uuid::Uuid;

use super::driver::PumpGuard;
use super::durable::Durable;
use super::error::closed;
use super::group::{Group, Unacked};
use super::link::Link;
use super::merge;
use super::pull::{Delivered, Lost, Pull};
use crate::record::RecordFilter;
use crate::{Consumer, Delivery, Record, Seq};

/// How long to wait before a renewal that failed is tried again.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);
const ACK: Bytes = Bytes::from_static(b"+ACK");

/// Where the records of a consumer come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A name that one reader has at a time.
    Owned(Box<Durable>, Uuid),
    /// A name that is read by others too.
    Shared(Box<Group>),
}

impl Source {
    /// Makes that of a new owner of a name.
    pub(super) fn owned(durable: Durable) -> Self {
        Self::Owned(Box::new(durable), Uuid::new_v4())
    }

    async fn open(&self) -> Result<Vec<Pull>> {
        match self {
            Self::Owned(durable, owner) => durable.take(*owner).await,
            Self::Shared(group) => group.open().await,
        }
    }

    async fn renew(&self) -> Result<Vec<Pull>> {
        match self {
            Self::Owned(durable, owner) => durable.renew(*owner).await,
            Self::Shared(group) => group.open().await,
        }
    }

    fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }
}

/// A durable consumer on NATS.
pub(super) struct NatsConsumer<T: Record> {
    link: Link,
    source: Source,
    filter: T::Filter,
    pulls: Vec<Pull>,
    /// How far each part has been delivered; after a renewal what is not beyond comes again. What is shared comes in any order.
    seen: Vec<u64>,
    /// Where to acknowledge what was delivered and is not done with.
    unacked: Unacked,
    /// Keeps what is shared from going to others.
    _hold: Option<PumpGuard>,
    /// Acknowledgements that the connection had no room for.
    acks: VecDeque<Subject>,
    connections: watch::Receiver<u64>,
    /// Under way after the server was lost; kept here so that dropping the future of `next` does not drop it half done.
    renewal: Option<BoxFuture<'static, Result<Vec<Pull>>>>,
    /// Why there is nothing more.
    ended: Option<Error>,
}

impl<T: Record> NatsConsumer<T> {
    pub(super) async fn open(link: Link, source: Source, filter: T::Filter) -> Result<Self> {
        let connections = link.connections();
        let unacked = Unacked::default();
        let hold = match &source {
            Source::Owned(..) => None,
            Source::Shared(group) => Some(group.hold(unacked.clone()).await?),
        };
        let pulls = source.open().await?;
        Ok(Self {
            seen: vec![0; pulls.len()],
            link,
            source,
            filter,
            pulls,
            unacked,
            _hold: hold,
            acks: VecDeque::new(),
            connections,
            renewal: None,
            ended: None,
        })
    }

    async fn fill(&mut self) -> Result<(), Lost> {
        let shared = self.source.is_shared();
        let filling = async {
            if shared {
                merge::any(&mut self.pulls, |_| true).await
            } else {
                merge::fill(&mut self.pulls).await
            }
        };
        tokio::select! {
            filled = filling => filled,
            _ = self.connections.changed() => Err(Lost),
        }
    }

    /// Opens the consumers on the server anew: what they had on its way to us when they were lost would never come.
    async fn renew(&mut self) {
        if self.connections.has_changed().is_err() {
            self.ended = Some(closed());
            return;
        }
        let connections = &mut self.connections;
        let renewal = self.renewal.get_or_insert_with(|| {
            connections.mark_unchanged();
            renew(self.link.clone(), self.source.clone()).boxed()
        });
        let renewed = renewal.await;
        self.renewal = None;
        match renewed {
            Ok(pulls) => self.pulls = pulls,
            Err(error) => {
                self.pulls.clear();
                self.ended = Some(error);
            }
        }
    }

    /// Makes a delivery of a message, unless it is one that came before or that the filter does not choose.
    fn deliver(&mut self, part: usize, message: Delivered) -> Option<Delivery<T>> {
        let Delivered {
            seq,
            kept,
            reply,
            payload,
            ..
        } = message;
        if let Some(unacked) = self.unacked.lock().get_mut(&seq) {
            *unacked = reply;
            return None;
        }
        if seq <= self.seen[part] {
            self.send_ack(reply);
            return None;
        }
        if !self.source.is_shared() {
            self.seen[part] = seq;
        }
        let record = match T::decode_kept(&payload, kept) {
            Ok(record) if self.filter.matches(&record) => record,
            Ok(_) => {
                self.send_ack(reply);
                return None;
            }
            Err(error) => {
                metrics::counter!("messaging_undecodable_total", "stream" => T::STREAM)
                    .increment(1);
                tracing::debug!(%error, seq, stream = T::STREAM, "what was published there is skipped");
                self.send_ack(reply);
                return None;
            }
        };
        self.unacked.lock().insert(seq, reply);
        Some(Delivery {
            seq: Seq(seq),
            record: Arc::new(record),
        })
    }

    fn send_ack(&mut self, reply: Subject) {
        self.acks.push_back(reply);
        self.flush_acks();
    }

    /// Writes acknowledgements while the connection takes them; those lost with it are sent again after the renewal.
    fn flush_acks(&mut self) {
        while let Some(reply) = self.acks.front() {
            let acked = unconstrained(self.link.client.publish(reply.clone(), ACK));
            if acked.now_or_never().is_none() {
                return;
            }
            self.acks.pop_front();
        }
    }
}

async fn renew(link: Link, source: Source) -> Result<Vec<Pull>> {
    loop {
        link.connected().await;
        match source.renew().await {
            Err(error) if error.kind == ErrorKind::Unavailable => sleep(RENEWAL_PAUSE).await,
            result => return result,
        }
    }
}

#[async_trait]
impl<T: Record> Consumer<T> for NatsConsumer<T> {
    async fn next(&mut self) -> Result<Delivery<T>> {
        loop {
            self.flush_acks();
            if let Some(error) = &self.ended {
                return Err(error.clone());
            }
            if self.renewal.is_some() || self.fill().await == Err(Lost) {
                self.renew().await;
                continue;
            }
            if let Some((part, message)) = merge::take(&mut self.pulls)
                && let Some(delivery) = self.deliver(part, message)
            {
                return Ok(delivery);
            }
        }
    }

    fn ack(&mut self, seq: Seq) {
        let acked = self.unacked.lock().remove(&seq.0);
        if let Some(reply) = acked {
            self.send_ack(reply);
        }
    }
}

impl<T: Record> Drop for NatsConsumer<T> {
    fn drop(&mut self) {
        self.flush_acks();
        if let Source::Shared(group) = &self.source {
            let unacked = std::mem::take(&mut *self.unacked.lock()).into_values();
            group.leave(std::mem::take(&mut self.pulls), unacked.collect());
        }
    }
}
