//! Messages, events and the bus that carries them: a durable log in process, JetStream on NATS.
//!
//! Both backends keep the promises written at [`Bus`]; one contract suite proves it.

mod bus;
mod filter;
mod message;
mod record;

pub use bus::{Bucket, Bus, Consumer, Delivery, Entry, LiveGuard, Seq};
pub use filter::{AllEvents, Filter};
pub use message::{Message, Properties, Protocol};
pub use record::{DecodeError, Record};
