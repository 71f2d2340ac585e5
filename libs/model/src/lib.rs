//! The words every crate shares: ids, timestamps, pages, callers, error kinds, credentials and the topic grammar.
//!
//! Nothing here does I/O, and nothing here knows a transport.

mod caller;
mod credentials;
mod error;
mod id;
mod page;
mod secret;
#[cfg(feature = "sql")]
mod sql;
mod subscriber;
mod throttle;
mod timestamp;
mod topic;

pub use caller::{Action, Caller};
pub use credentials::Credentials;
pub use error::{BoxError, Error, ErrorKind, Result};
pub use id::{ChannelId, MessageId, ThingId, UserId};
pub use page::{Page, PageQuery};
pub use secret::Secret;
pub use subscriber::subscriber;
pub use throttle::Throttle;
pub use timestamp::{Clock, Timestamp};
pub use topic::{Subtopic, TopicError};
