//! Watches a bucket: what there is, then what changes, across reconnections.

use std::time::Duration;

use async_nats::datetime;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use model::{BoxError, Result};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::bucket::OPERATION;
use super::driver::Pumps;
use super::error::unavailable;
use super::link::Link;
use crate::Entry;

/// How many entries may wait for the reader before the server is asked to pause.
const BACKLOG: usize = 256;
/// How long to wait before another attempt to go on.
const RETRY: Duration = Duration::from_secs(1);
/// After this long without an entry all that was there has come, even if the last of it was removed meanwhile.
const QUIET: Duration = Duration::from_secs(1);
/// How old the mark of a removal must be to be removed itself; by then everybody has seen it.
const MARK_AGE: Duration = Duration::from_secs(3600);
/// How many old marks one watcher removes.
const MAX_MARKS: usize = 10_000;

struct Watch {
    link: Link,
    stream: Stream,
    pumps: Pumps,
    prefix: String,
    entries: mpsc::Sender<Entry>,
    /// The last message of the stream when this began, while not all up to it has come.
    until: Option<u64>,
    seen: u64,
    /// The subjects of old marks and where those stand.
    marks: Vec<(String, u64)>,
}

/// The reader went away.
struct Unwatched;

pub(super) async fn open(
    link: &Link,
    stream: &Stream,
    prefix: String,
    pumps: &Pumps,
) -> Result<mpsc::Receiver<Entry>> {
    let (entries, receiver) = mpsc::channel(BACKLOG);
    let state = stream.get_info().await.map_err(unavailable)?.state;
    let watch = Watch {
        link: link.clone(),
        stream: stream.clone(),
        pumps: pumps.clone(),
        prefix,
        entries,
        until: (state.messages > 0).then_some(state.last_sequence),
        seen: 0,
        marks: Vec::new(),
    };
    let messages = watch.subscribe(DeliverPolicy::LastPerSubject).await;
    let messages = messages.map_err(unavailable)?;
    let reader = watch.entries.clone();
    let pump = async move {
        tokio::select! {
            Err(Unwatched) = watch.run(messages) => {}
            () = reader.closed() => {}
        }
    };
    pumps.start(pump).await?;
    Ok(receiver)
}

impl Watch {
    async fn subscribe(&self, from: DeliverPolicy) -> Result<Ordered, BoxError> {
        let config = OrderedConfig {
            deliver_subject: self.link.client.new_inbox(),
            // An old server wants a filter for the last of each subject.
            filter_subject: format!("{}>", self.prefix),
            deliver_policy: from,
            ..OrderedConfig::default()
        };
        Ok(self
            .stream
            .create_consumer(config)
            .await?
            .messages()
            .await?)
    }

    async fn run(mut self, mut messages: Ordered) -> Result<(), Unwatched> {
        if self.until.is_none() {
            self.send(Entry::Current).await?;
        }
        loop {
            let mut connections = self.link.connections();
            loop {
                let message = tokio::select! {
                    message = messages.next() => message,
                    _ = connections.changed() => None,
                    () = sleep(QUIET), if self.until.is_some() => {
                        self.finish().await?;
                        continue;
                    }
                };
                match message {
                    Some(Ok(message)) => self.pass_on(&message).await?,
                    Some(Err(_)) | None => break,
                }
            }
            messages = self.resubscribe().await;
        }
    }

    async fn resubscribe(&self) -> Ordered {
        let from = DeliverPolicy::ByStartSequence {
            start_sequence: self.seen + 1,
        };
        loop {
            self.link.connected().await;
            match self.subscribe(from).await {
                Ok(messages) => return messages,
                Err(error) => tracing::warn!(%error, "a bucket is not watched for now"),
            }
            sleep(RETRY).await;
        }
    }

    async fn pass_on(&mut self, message: &Message) -> Result<(), Unwatched> {
        let Ok(info) = message.info() else {
            return Ok(());
        };
        self.seen = info.stream_sequence;
        let Some(key) = message.subject.strip_prefix(&self.prefix) else {
            return Ok(());
        };
        let headers = message.headers.as_ref();
        let removed = headers.is_some_and(|headers| headers.get(OPERATION).is_some());
        if removed && self.until.is_some() && self.marks.len() < MAX_MARKS {
            let age = datetime::now() - info.published;
            if age > MARK_AGE {
                self.marks
                    .push((message.subject.to_string(), info.stream_sequence));
            }
        }
        let entry = if removed {
            Entry::Deleted(key.to_owned())
        } else {
            Entry::Put(key.to_owned(), message.payload.clone())
        };
        self.send(entry).await?;
        let last = |until| info.pending == 0 || info.stream_sequence >= until;
        if self.until.is_some_and(last) {
            self.finish().await?;
        }
        Ok(())
    }

    /// Ends the snapshot.
    async fn finish(&mut self) -> Result<(), Unwatched> {
        self.until = None;
        let marks = std::mem::take(&mut self.marks);
        let removal = remove_marks(self.stream.clone(), marks);
        self.pumps.start(removal).await.map_err(|_| Unwatched)?;
        self.send(Entry::Current).await
    }

    async fn send(&self, entry: Entry) -> Result<(), Unwatched> {
        self.entries.send(entry).await.map_err(|_| Unwatched)
    }
}

/// Removes old marks of removals, which the server itself would keep for ever; a key that was put again stays.
async fn remove_marks(stream: Stream, marks: Vec<(String, u64)>) {
    for (subject, seq) in marks {
        let removed = stream.purge().filter(subject).sequence(seq + 1).await;
        if let Err(error) = removed {
            tracing::debug!(%error, "an old mark of a bucket stays for now");
            return;
        }
    }
}
