//! A durable consumer that several processes read: the server gives each record to one of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use model::Result;
use parking_lot::Mutex;
use tokio::task::coop::unconstrained;
use tokio::time::sleep;

use super::driver::{PumpGuard, Pumps};
use super::names;
use super::pull::Pull;
use super::site::Site;

/// How many deliveries of one subject may be unacknowledged, by all readers together, before the server waits.
const MAX_IN_FLIGHT: i64 = 16 * 1024;
/// After how long a record goes to another reader when the one before neither acknowledges it nor says that it still has it.
///
/// A server of version 2.9 also takes this long when it has not noticed yet that a reader is gone to which it would have given
/// a record again, and repeats a later one then.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// How often readers say what they still have.
const PROGRESS_PERIOD: Duration = Duration::from_secs(3);
/// How many pull requests may wait on the server, those of all readers together.
const MAX_WAITING: i64 = 512;
/// How many messages one reader asks for at a time: what it has asked for is not for the others.
const BATCH: usize = 32;
/// The most subjects a filter has.
const PARTS: usize = 2;

const NOT_DONE: Bytes = Bytes::from_static(b"-NAK");
const IN_PROGRESS: Bytes = Bytes::from_static(b"+WPI");

/// Where to acknowledge what a reader has, by its place in the stream.
pub(super) type Unacked = Arc<Mutex<BTreeMap<u64, Subject>>>;

/// What it takes to open one name for one more process.
#[derive(Clone, Debug)]
pub(super) struct Group {
    site: Site,
    subjects: Vec<String>,
    pumps: Pumps,
}

impl Group {
    pub(super) fn new(site: Site, subjects: Vec<String>, pumps: Pumps) -> Self {
        Self {
            site,
            subjects,
            pumps,
        }
    }

    /// Opens the consumers on the server, which are made when there are none: then they start with the next record.
    pub(super) async fn open(&self) -> Result<Vec<Pull>> {
        let mut pulls = Vec::with_capacity(self.subjects.len());
        for (part, subject) in self.subjects.iter().enumerate() {
            let name = names::shared_part(&self.site.durable, part);
            let config = pull::Config {
                deliver_policy: DeliverPolicy::New,
                ack_wait: ACK_WAIT,
                max_ack_pending: MAX_IN_FLIGHT,
                max_waiting: MAX_WAITING,
                ..pull::Config::default()
            };
            pulls.push(self.site.open(&name, subject, config, BATCH).await?);
        }
        Ok(pulls)
    }

    /// Says again and again which records are still being worked on, until the result is dropped.
    pub(super) async fn hold(&self, unacked: Unacked) -> Result<PumpGuard> {
        let client = self.site.link.client.clone();
        self.pumps
            .run(|_| async move {
                loop {
                    sleep(PROGRESS_PERIOD).await;
                    let held: Vec<_> = unacked.lock().values().cloned().collect();
                    for reply in held {
                        // Without a connection another reader gets the record.
                        let _ = client.publish(reply, IN_PROGRESS).await;
                    }
                }
            })
            .await
    }

    /// Stops to read; another process may have at once what was not acknowledged.
    pub(super) fn leave(&self, mut pulls: Vec<Pull>, unacked: Vec<Subject>) {
        let client = &self.site.link.client;
        // The server must hear that nobody reads here any more before it has something to give to another.
        let unseen: Vec<_> = pulls.iter_mut().flat_map(Pull::leave).collect();
        for reply in unacked.into_iter().chain(unseen) {
            let _ = unconstrained(client.publish(reply, NOT_DONE)).now_or_never();
        }
        let client = client.clone();
        let leaving = async move {
            for reply in join_all(pulls.into_iter().map(Pull::stragglers))
                .await
                .concat()
            {
                // Without a connection the server finds out by itself, a little later.
                let _ = client.publish(reply, NOT_DONE).await;
            }
        };
        let _ = unconstrained(self.pumps.start(leaving)).now_or_never();
    }

    /// Removes the consumers from the server; those that are not there are no error.
    pub(super) async fn forget(site: &Site) -> Result<()> {
        for part in 0..PARTS {
            site.remove(&names::shared_part(&site.durable, part))
                .await?;
        }
        Ok(())
    }
}
