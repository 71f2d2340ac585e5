//! What every device protocol shares: authenticate, authorize, publish, subscribe, and live sessions that can be cut.
//!
//! An [`Adapter`] answers from bounded caches, follows the events of the registry to keep them true, and cuts
//! the [`Session`]s whose right is gone. A protocol opens one session per connection with [`Adapter::session`],
//! lets it [`Session::join`] each channel before it subscribes, and ends the connection when [`Session::cut`] resolves.
//! A protocol without connections calls [`Adapter::authenticate`] and [`Adapter::authorize`] per request.

mod access;
mod adapter;
mod cache;
mod epochs;
mod fingerprint;
mod flights;
mod follower;
mod metrics;
mod path;
mod registry;
mod session;
mod settings;

pub use adapter::Adapter;
pub use fingerprint::Fingerprint;
pub use path::MessagePath;
pub use session::{CutReason, NewSession, Session};
pub use settings::Settings;
