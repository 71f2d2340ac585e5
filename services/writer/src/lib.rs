//! Stores the messages of all channels: a durable consumer of the bus that forgets nothing and stores nothing twice.
//!
//! [`open`] makes the [`Writer`] over a database; [`Writer::run`] and [`Writer::retain`] are its two tasks. A message is
//! SenML, or a JSON object where the owner of the channel wants those as time series; anything else is kept as
//! it came, with the reason.

mod batch;
mod channels;
mod chosen;
mod config;
mod decode;
mod meters;
mod retention;
mod session;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::history::History;
use messaging::{Bus, Filter, Message};
use model::BoxError;
use proto::things::Things;
use storage::Db;

use channels::Channels;
use meters::Meters;

pub use self::config::Config;
pub use chosen::Chosen;

/// The writer of a process.
pub struct Writer {
    history: History,
    bus: Arc<dyn Bus<Message>>,
    channels: Channels,
    chosen: Chosen,
    batch_size: usize,
    batch_timeout: Duration,
    retention: Retention,
    meters: Meters,
}

/// What is kept of what is stored.
struct Retention {
    interval: Duration,
    max_age: Option<Duration>,
    max_bytes: Option<u64>,
}

/// Brings the database up to date, and registers with the bus, so that it keeps all messages from here on; a writer that is
/// to store none lets the bus keep none.
///
/// # Errors
/// When the database or the bus cannot be used.
pub async fn open(
    config: &Config,
    chosen: Chosen,
    db: Db,
    bus: Arc<dyn Bus<Message>>,
    things: Arc<dyn Things>,
) -> Result<Arc<Writer>, BoxError> {
    let history = History::open(db).await?;
    // Whoever leads has done it, and would lose the consumer.
    if let Some(_lead) = history.lead(session::CONSUMER).await? {
        if chosen.is_empty() {
            bus.forget(session::CONSUMER).await?;
        } else {
            bus.consumer(session::CONSUMER, Filter::All).await?;
        }
    }
    Ok(Arc::new(Writer {
        history,
        bus,
        channels: Channels::new(things),
        chosen,
        batch_size: config.batch_size,
        batch_timeout: config.batch_timeout.get(),
        retention: Retention {
            interval: config.retention_interval.get(),
            max_age: config.max_age.map(::config::Period::get),
            max_bytes: config.channel_max_bytes,
        },
        meters: Meters::new(),
    }))
}
