//! A durable consumer as it is on the server: one JetStream consumer for each subject, in generations.
//!
//! The server gives a delivery that nobody acknowledged to the next reader only after a time-out, and not in order. So
//! whoever opens a name makes new JetStream consumers that start where the old ones have everything before acknowledged,
//! and deletes the old ones only then, so that at no moment a record concerns nobody. A record in the registry says whose
//! the name is. The same is done after a reconnection, as what was on its way is lost then.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::{Request, RequestErrorKind};
use model::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::error::{taken_over, unavailable};
use super::link::{DEADLINE, Link};
use super::names;
use super::pull::Pull;
use super::registry::{Ownership, Registry};

/// How many deliveries of one subject may be unacknowledged before the server waits.
const MAX_IN_FLIGHT: i64 = 1024;
/// Never, in effect: the server is not to deliver again what its reader still works on.
const ACK_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How many pull requests may wait on the server.
const MAX_WAITING: i64 = 16;
/// How often a name is claimed again when others claim it at the same time.
const CLAIM_ATTEMPTS: usize = 16;

/// What it takes to open one name on one bus.
#[derive(Clone, Debug)]
pub(super) struct Durable {
    link: Link,
    registry: Registry,
    stream: &'static str,
    /// The name in words, and as the server takes it.
    name: String,
    durable: String,
    subjects: Vec<String>,
}

impl Durable {
    pub(super) fn new(
        link: Link,
        registry: Registry,
        stream: &'static str,
        name: &str,
        subjects: Vec<String>,
    ) -> Self {
        Self {
            link,
            registry,
            stream,
            durable: names::durable(name),
            name: name.to_owned(),
            subjects,
        }
    }

    /// Takes the name from whoever has it.
    pub(super) async fn take(&self, owner: Uuid) -> Result<Vec<Pull>> {
        self.open(owner, true).await
    }

    /// Starts anew where everything before is acknowledged, unless the name is somebody else's by now.
    pub(super) async fn renew(&self, owner: Uuid) -> Result<Vec<Pull>> {
        self.open(owner, false).await
    }

    async fn open(&self, owner: Uuid, by_force: bool) -> Result<Vec<Pull>> {
        let (mut ownership, revision) = self.claim(owner, by_force).await?;
        let mut pulls = Vec::with_capacity(self.subjects.len());
        for part in 0..self.subjects.len() {
            pulls.push(self.open_part(&ownership, part).await?);
        }
        for generation in std::mem::take(&mut ownership.earlier) {
            self.delete(generation).await?;
        }
        if self
            .registry
            .write(&self.durable, &ownership, revision)
            .await?
            .is_none()
        {
            self.delete(ownership.generation).await?;
            return Err(taken_over());
        }
        Ok(pulls)
    }

    /// Writes the next generation into the registry.
    async fn claim(&self, owner: Uuid, by_force: bool) -> Result<(Ownership, u64)> {
        for _ in 0..CLAIM_ATTEMPTS {
            let (before, revision) = self.registry.read(&self.durable).await?;
            let mut next = Ownership {
                owner: Some(owner),
                generation: 1,
                earlier: Vec::new(),
                subjects: self.subjects.clone(),
            };
            if let Some(before) = before {
                if !by_force && before.owner != Some(owner) {
                    return Err(taken_over());
                }
                if before.subjects != self.subjects {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        "consumer_filter",
                        format!("the consumer {:?} was made with another filter", self.name),
                    ));
                }
                next.generation = before.generation + 1;
                next.earlier = before.earlier;
                next.earlier.push(before.generation);
            } else if !by_force {
                return Err(taken_over());
            }
            if let Some(revision) = self.registry.write(&self.durable, &next, revision).await? {
                return Ok((next, revision));
            }
        }
        Err(taken_over())
    }

    async fn open_part(&self, ownership: &Ownership, part: usize) -> Result<Pull> {
        let mut start = DeliverPolicy::New;
        for generation in ownership.earlier.iter().rev() {
            if let Some(floor) = self.acknowledged(*generation, part).await? {
                start = DeliverPolicy::ByStartSequence {
                    start_sequence: floor + 1,
                };
                break;
            }
        }
        let name = names::part(&self.durable, ownership.generation, part);
        let description: String = self.name.chars().take(256).collect();
        let config = pull::Config {
            durable_name: Some(name.clone()),
            description: Some(description),
            deliver_policy: start,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            filter_subject: self.subjects[part].clone(),
            max_ack_pending: MAX_IN_FLIGHT,
            max_waiting: MAX_WAITING,
            ..pull::Config::default()
        };
        let made = self
            .link
            .js
            .create_consumer_on_stream(config, self.stream)
            .await;
        let behind = made.map_err(unavailable)?.cached_info().num_pending;
        Pull::open(&self.link, self.stream, &name, behind).await
    }

    /// Returns the sequence number up to which everything is acknowledged, if there is such a consumer.
    async fn acknowledged(&self, generation: u64, part: usize) -> Result<Option<u64>> {
        let name = names::part(&self.durable, generation, part);
        if !self.settle_acks(&name).await? {
            return Ok(None);
        }
        let consumer = self
            .link
            .js
            .get_consumer_from_stream(&name, self.stream)
            .await;
        let consumer: Result<async_nats::jetstream::consumer::Consumer<pull::Config>, _> = consumer;
        match consumer {
            Ok(consumer) => Ok(Some(consumer.cached_info().ack_floor.stream_sequence)),
            Err(error) if is_missing(&error.kind()) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Waits until the server has worked off the acknowledgements it was sent; tells whether there is such a consumer.
    ///
    /// They have a queue of their own there. A notice of progress on no delivery goes through it, and is answered.
    async fn settle_acks(&self, name: &str) -> Result<bool> {
        let subject = format!("$JS.ACK.{}.{name}.1.1.1.0.0", self.stream);
        let progress = Request::new()
            .payload("+WPI".into())
            .timeout(Some(DEADLINE));
        match self.link.client.send_request(subject, progress).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn delete(&self, generation: u64) -> Result<()> {
        for part in 0..self.subjects.len() {
            let name = names::part(&self.durable, generation, part);
            match self
                .link
                .js
                .delete_consumer_from_stream(name, self.stream)
                .await
            {
                Ok(_) => {}
                Err(error) if is_missing(&error.kind()) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(())
    }

    /// Removes everything of the name; one that was never opened is no error.
    pub(super) async fn forget(mut self) -> Result<()> {
        for _ in 0..CLAIM_ATTEMPTS {
            let (Some(mut ownership), revision) = self.registry.read(&self.durable).await? else {
                return Ok(());
            };
            self.subjects = ownership.subjects.clone();
            // Whoever opens it at this moment has to find out.
            ownership.owner = None;
            let Some(revision) = self
                .registry
                .write(&self.durable, &ownership, revision)
                .await?
            else {
                continue;
            };
            for generation in ownership.earlier.iter().chain([&ownership.generation]) {
                self.delete(*generation).await?;
            }
            return self.registry.remove(&self.durable, revision).await;
        }
        Err(taken_over())
    }
}

fn is_missing(error: &ConsumerErrorKind) -> bool {
    matches!(error, ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}
