//! What every device protocol shares: authenticate, authorize, publish, subscribe, and live sessions that can be cut.
//!
//! An [`Adapter`] answers from bounded caches, follows the events of the registry to keep them true, and cuts
//! the [`Session`]s whose right is gone. A protocol opens one session per connection with [`Adapter::session`],
//! lets it [`Session::join`] each channel before it subscribes, and ends the connection when [`Session::cut`] resolves.
//! What a verified certificate means is decided here too: [`Presented`] says what came and what was demanded.
//! A protocol without connections calls [`Adapter::authenticate`] and [`Adapter::authorize`] per request.

mod access;
mod adapter;
mod cache;
mod epochs;
mod fingerprint;
mod flights;
mod follower;
mod metrics;
mod names;
mod path;
mod presented;
mod registry;
mod session;
mod settings;
mod turns;

pub use adapter::Adapter;
pub use fingerprint::Fingerprint;
pub use names::{X509, X509Identity};
pub use path::MessagePath;
pub use presented::{DeviceAuth, Presented};
pub use session::{CutReason, NewSession, Session};
pub use settings::Settings;
