use async_nats::Subscriber;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use model::Result;
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;

use super::driver::Pumps;
use super::error::unavailable;
use super::link::Link;
use crate::Signals;
use crate::signals::BACKLOG;

/// Signals as plain messages of NATS, which no stream keeps.
pub(super) struct NatsSignals {
    link: Link,
    pumps: Pumps,
    subject: String,
}

impl NatsSignals {
    pub(super) fn new(link: Link, pumps: Pumps, name: &str) -> Self {
        Self {
            link,
            pumps,
            subject: format!("signals.{name}"),
        }
    }
}

#[async_trait]
impl Signals for NatsSignals {
    fn send(&self, notice: Bytes) {
        if self.link.is_connected() {
            let publishing = self.link.client.publish(self.subject.clone(), notice);
            // One that does not fit into the queue of the connection is dropped.
            drop(unconstrained(publishing).now_or_never());
        }
    }

    async fn listen(&self) -> Result<mpsc::Receiver<Bytes>> {
        let subscriber = self.link.client.subscribe(self.subject.clone()).await;
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let pump = pump(subscriber.map_err(unavailable)?, sender);
        self.pumps.start(pump).await?;
        self.link.round_trip().await?;
        Ok(receiver)
    }
}

async fn pump(mut subscriber: Subscriber, listener: mpsc::Sender<Bytes>) {
    loop {
        tokio::select! {
            message = subscriber.next() => match message {
                // A listener that is far behind misses it.
                Some(message) => drop(listener.try_send(message.payload)),
                None => return,
            },
            () = listener.closed() => return,
        }
    }
}
