use std::sync::Arc;

use async_trait::async_trait;
use messaging::{Bus, Buses, Consumer, Filter, LiveGuard, LiveSender, Message, Seq};
use model::{Error, ErrorKind, Result};

/// A bus that is full: it refuses what is published, and is otherwise as it was.
struct Full(Arc<dyn Bus<Message>>);

/// Makes the bus of messages full.
pub(crate) fn full(buses: Buses) -> Buses {
    let messages = Arc::new(Full(buses.messages));
    Buses { messages, ..buses }
}

#[async_trait]
impl Bus<Message> for Full {
    async fn publish(&self, _: Arc<Message>) -> Result<Seq> {
        Err(Error::new(
            ErrorKind::Exhausted,
            "bus_full",
            "the bus is full",
        ))
    }

    fn send(&self, _: Arc<Message>) {}

    async fn live(&self, filter: Filter, queue: &LiveSender<Message>) -> Result<LiveGuard> {
        self.0.live(filter, queue).await
    }

    async fn consumer(&self, name: &str, filter: Filter) -> Result<Box<dyn Consumer<Message>>> {
        self.0.consumer(name, filter).await
    }

    async fn shared(&self, name: &str, filter: Filter) -> Result<Box<dyn Consumer<Message>>> {
        self.0.shared(name, filter).await
    }

    async fn forget(&self, name: &str) -> Result<()> {
        self.0.forget(name).await
    }

    async fn ready(&self) -> Result<()> {
        self.0.ready().await
    }
}
