//! Messages, events and the bus that carries them: a durable log in process, JetStream on NATS.
//!
//! Both backends keep the promises written at [`Bus`], [`Bucket`] and [`Signals`]; one contract suite proves it.

mod bucket;
mod bus;
mod disk;
mod event;
mod filter;
mod index;
mod key;
mod live;
mod log;
mod message;
mod nats;
mod open;
mod record;
mod relay;
mod router;
mod share;
mod signals;
mod wire;

pub use bus::{Bucket, Bus, Consumer, Delivery, Entry, LiveGuard, Seq, Signals};
pub use filter::{AllEvents, Filter};
pub use live::{LiveEnd, LiveLimits, LiveReceiver, LiveSender, Overflow, live_queue};
pub use message::{Message, Properties, Protocol};
pub use nats::{NatsFile, NatsTls, install_crypto};
pub use open::{Buses, Config, DEFAULT_MAX_BYTES, Driver, Durability, open, probe};
pub use record::{DecodeError, Kept, Record, RecordFilter};
pub use relay::relay;
