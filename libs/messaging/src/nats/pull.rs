//! Draws the deliveries of one JetStream consumer.

use std::time::Duration;

use async_nats::{Message, Subject, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use model::{Result, Timestamp};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout_at};

use super::error::{closed, unavailable};
use super::link::{DEADLINE, Link};
use crate::record::Kept;

/// How long the server holds a request that it cannot fill, and how often it gives a sign of life meanwhile.
const EXPIRES: Duration = Duration::from_secs(120);
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How long to wait for a sign of life.
const SILENCE: Duration = Duration::from_secs(50);
/// What a subject, headers and the reply address may add to the longest payload.
const OVERHEAD: usize = 8 * 1024;

/// One JetStream consumer, read by this process.
#[derive(Debug)]
pub(super) struct Pull {
    link: Link,
    /// Where requests go, and where what they ask for comes.
    requests: String,
    inbox: String,
    request: Bytes,
    /// How many messages are asked for at a time.
    batch: usize,
    incoming: Subscriber,
    /// How many messages are still to come of what was asked for.
    expected: usize,
    /// When the server was last heard of, or asked.
    heard: Instant,
    /// The next message, once it is here.
    head: Option<Delivered>,
    /// How many more messages the server has, as far as known.
    behind: u64,
}

/// A message with what its reply address says about it.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) seq: u64,
    pub(super) kept: Kept,
    pub(super) reply: Subject,
    pub(super) payload: Bytes,
    behind: u64,
}

/// The consumer does not answer any more, or is gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost;

impl Pull {
    pub(super) async fn open(
        link: &Link,
        stream: &str,
        name: &str,
        batch: usize,
        behind: u64,
    ) -> Result<Self> {
        let inbox = link.client.new_inbox();
        let incoming = link.client.subscribe(inbox.clone()).await;
        // Enough for the longest message there can be, or the server would refuse for ever to send it.
        let max_bytes = 2 * link.client.server_info().max_payload + OVERHEAD;
        let request = serde_json::json!({
            "batch": batch,
            "max_bytes": max_bytes,
            "expires": EXPIRES.as_nanos() as u64,
            "idle_heartbeat": HEARTBEAT.as_nanos() as u64,
        });
        let mut pull = Self {
            link: link.clone(),
            requests: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
            inbox,
            request: request.to_string().into(),
            batch,
            incoming: incoming.map_err(unavailable)?,
            expected: 0,
            heard: Instant::now(),
            head: None,
            behind,
        };
        pull.ask().await.map_err(|Lost| closed())?;
        Ok(pull)
    }

    /// Waits until there is a next message to look at. Dropping the future loses nothing.
    pub(super) async fn fill(&mut self) -> Result<(), Lost> {
        while self.head.is_none() {
            if self.expected <= self.batch / 2 {
                self.ask().await?;
            }
            let message = timeout_at(self.heard + SILENCE, self.incoming.next()).await;
            let Ok(Some(message)) = message else {
                return Err(Lost);
            };
            self.heard = Instant::now();
            match message.status.map(|status| status.as_u16()) {
                None => {
                    self.expected = self.expected.saturating_sub(1);
                    let delivered = delivered(message).ok_or(Lost)?;
                    self.behind = delivered.behind;
                    self.head = Some(delivered);
                }
                Some(100) => {}
                // A request ended before it was filled: its time was up, or the next message has more bytes than it had left.
                Some(408 | 409) => {
                    let unfilled = unfilled(&message).ok_or(Lost)?;
                    self.expected = self.expected.saturating_sub(unfilled);
                }
                Some(_) => return Err(Lost),
            }
        }
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Lost> {
        let (to, reply) = (self.requests.clone(), self.inbox.clone());
        let asked = self
            .link
            .client
            .publish_with_reply(to, reply, self.request.clone());
        asked.await.map_err(|_| Lost)?;
        self.expected += self.batch;
        self.heard = Instant::now();
        Ok(())
    }

    /// Returns the sequence number of the next message, if it is here.
    pub(super) fn peek(&self) -> Option<u64> {
        self.head.as_ref().map(|head| head.seq)
    }

    pub(super) fn take(&mut self) -> Option<Delivered> {
        self.head.take()
    }

    /// Stops to draw, and returns where to say that what is here and was not looked at is not done with.
    pub(super) fn leave(&mut self) -> Vec<Subject> {
        let _ = unconstrained(self.incoming.drain()).now_or_never();
        let mut unseen: Vec<_> = self
            .head
            .take()
            .map(|head| head.reply)
            .into_iter()
            .collect();
        while let Some(Some(message)) = self.incoming.next().now_or_never() {
            unseen.extend(unread(message));
        }
        unseen
    }

    /// Returns the same for what was on its way when [`Self::leave`] was called.
    pub(super) async fn stragglers(mut self) -> Vec<Subject> {
        let mut unseen = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        while let Ok(Some(message)) = timeout_at(deadline, self.incoming.next()).await {
            unseen.extend(unread(message));
        }
        unseen
    }

    /// Tells whether the server has more, as far as known.
    pub(super) fn is_behind(&self) -> bool {
        self.behind > 0
    }

    /// Forgets that the server had more; what it says with a delivery can be out of date.
    pub(super) fn assume_caught_up(&mut self) {
        self.behind = 0;
    }
}

/// Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<time>.<behind>[.<token>]`.
fn delivered(message: Message) -> Option<Delivered> {
    let reply = message.reply?;
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let tokens = rest.split('.').collect::<Vec<_>>();
    let skipped = if tokens.len() == 7 { 2 } else { 4 };
    let number = |position: usize| tokens.get(skipped + position)?.parse::<u64>().ok();
    let (seq, nanos, behind) = (number(1)?, number(3)?, number(4)?);
    let at = Timestamp::from_micros(i64::try_from(nanos / 1000).ok()?);
    Some(Delivered {
        seq,
        kept: Kept { seq, at },
        behind,
        payload: message.payload,
        reply,
    })
}

/// Returns where to acknowledge a message, if it is one.
fn unread(message: Message) -> Option<Subject> {
    message.reply.filter(|_| message.status.is_none())
}

fn unfilled(message: &Message) -> Option<usize> {
    let header = message.headers.as_ref()?.get("Nats-Pending-Messages")?;
    header.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(reply: &str) -> Message {
        Message {
            subject: "channel.1".into(),
            reply: Some(reply.into()),
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn reply_addresses_of_old_and_new_servers_are_read() {
        for reply in [
            "$JS.ACK.MESSAGES.writer-1-0.1.42.7.1700000000000000000.3",
            "$JS.ACK._.hash.MESSAGES.writer-1-0.1.42.7.1700000000000000000.3",
            "$JS.ACK._.hash.MESSAGES.writer-1-0.1.42.7.1700000000000000000.3.token",
        ] {
            let delivered = delivered(message(reply)).unwrap();
            assert_eq!((delivered.seq, delivered.behind), (42, 3), "{reply}");
            let at = Timestamp::from_micros(1_700_000_000_000_000);
            assert_eq!(delivered.kept, Kept { seq: 42, at }, "{reply}");
        }
    }

    #[test]
    fn other_reply_addresses_are_refused() {
        for reply in [
            "",
            "_INBOX.1",
            "$JS.ACK.MESSAGES.writer",
            "$JS.ACK.a.b.c.d.e.f.g",
        ] {
            assert!(delivered(message(reply)).is_none(), "{reply}");
        }
    }
}
