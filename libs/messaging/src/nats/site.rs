//! The JetStream consumers of one name: one for each subject and generation.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::{Request, RequestErrorKind};
use model::Result;

use super::error::unavailable;
use super::link::{DEADLINE, Link};
use super::names;
use super::pull::Pull;
use super::registry::Generation;

/// How many deliveries of one subject may be unacknowledged before the server waits.
const MAX_IN_FLIGHT: i64 = 1024;
/// Never, in effect: the server is not to deliver again what its reader still works on.
const ACK_WAIT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How many pull requests may wait on the server.
const MAX_WAITING: i64 = 16;
/// How many messages are asked for at a time.
const BATCH: usize = 128;
/// How much of a name the description of its consumers shows.
const DESCRIPTION: usize = 256;

/// Where the consumers of a name are.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) link: Link,
    pub(super) stream: &'static str,
    pub(super) name: String,
    pub(super) durable: String,
}

impl Site {
    pub(super) fn new(link: Link, stream: &'static str, name: &str) -> Self {
        Self {
            link,
            stream,
            name: name.to_owned(),
            durable: names::durable(name),
        }
    }

    /// Makes the consumer of a subject after what is acknowledged, or with the next record when there is none.
    pub(super) async fn create(
        &self,
        generation: Generation,
        part: usize,
        subject: &str,
        acknowledged: Option<u64>,
    ) -> Result<Pull> {
        let name = names::part(&self.durable, generation, part);
        // Said in so many words, because a consumer that has acknowledged nothing does not tell where it began.
        let before = match acknowledged {
            Some(seq) => seq,
            None => self.newest().await?,
        };
        let start = DeliverPolicy::ByStartSequence {
            start_sequence: before + 1,
        };
        let config = pull::Config {
            deliver_policy: start,
            ack_wait: ACK_WAIT,
            max_ack_pending: MAX_IN_FLIGHT,
            max_waiting: MAX_WAITING,
            ..pull::Config::default()
        };
        self.open(&name, subject, config, BATCH).await
    }

    /// Opens a consumer of a subject, which is made with these settings when there is none.
    pub(super) async fn open(
        &self,
        name: &str,
        subject: &str,
        settings: pull::Config,
        batch: usize,
    ) -> Result<Pull> {
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            // What people who list the consumers see.
            description: Some(self.name.chars().take(DESCRIPTION).collect()),
            ack_policy: AckPolicy::Explicit,
            filter_subject: subject.to_owned(),
            ..settings
        };
        let made = self
            .link
            .js
            .create_consumer_on_stream(config, self.stream)
            .await;
        let behind = made.map_err(unavailable)?.cached_info().num_pending;
        Pull::open(&self.link, self.stream, name, batch, behind).await
    }

    async fn newest(&self) -> Result<u64> {
        let stream = self.link.js.get_stream(self.stream).await;
        let stream = stream.map_err(unavailable)?;
        Ok(stream.cached_info().state.last_sequence)
    }

    /// Returns the sequence number up to which everything is acknowledged, if there is such a consumer.
    pub(super) async fn acknowledged(
        &self,
        generation: Generation,
        part: usize,
    ) -> Result<Option<u64>> {
        let name = names::part(&self.durable, generation, part);
        let is_led = self.settle_acks(&name).await?;
        let found = self
            .link
            .js
            .get_consumer_from_stream(&name, self.stream)
            .await;
        match found {
            // In a cluster it may be there while its next leader is chosen: to begin with what is newest would skip the rest.
            Ok(_) if !is_led => Err(unavailable("the consumer has no leader")),
            Ok(consumer) => {
                let consumer: Consumer<pull::Config> = consumer;
                let info = consumer.cached_info();
                let before = match info.config.deliver_policy {
                    DeliverPolicy::ByStartSequence { start_sequence } => start_sequence - 1,
                    _ => 0,
                };
                Ok(Some(info.ack_floor.stream_sequence.max(before)))
            }
            Err(error) if is_missing(&error.kind()) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Waits until the server has worked off the acknowledgements it was sent; tells whether there is a server that does.
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

    /// Deletes what there is of a generation.
    pub(super) async fn delete(&self, generation: Generation, parts: usize) -> Result<()> {
        for part in 0..parts {
            self.remove(&names::part(&self.durable, generation, part))
                .await?;
        }
        Ok(())
    }

    /// Deletes a consumer; one that is not there is no error.
    pub(super) async fn remove(&self, name: &str) -> Result<()> {
        let deleted = self.link.js.delete_consumer_from_stream(name, self.stream);
        match deleted.await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error.kind()) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn is_missing(error: &ConsumerErrorKind) -> bool {
    matches!(error, ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}
