//! What every role needs to run: start, readiness and drain; HTTP and gRPC; errors on the wire; logs and metrics.
//!
//! - [`Runtime`] owns the tasks and the listeners of the process and ends them in order.
//! - [`Listener`] binds an address within [`Limits`]; [`Runtime::http`] and [`Runtime::grpc`] serve on it.
//! - Handlers return [`Json`] or a [`Problem`]. [`api`] or [`legacy`] wraps the router and decides how the
//!   problem looks: the handlers are the same for both.
//! - [`JsonBody`], [`Payload`], [`Path`], [`Query`], [`PageParams`], [`UserToken`], [`ThingCredentials`] and
//!   [`Peer`], [`Secured`] and [`Connection`] take a request apart in the order of checks that 0.9 has.
//! - [`metrics::Api`] counts and times the methods of a service under the metric names of 0.9.

mod conn;
mod connection;
mod extract;
mod grpc;
mod handshakes;
mod health;
mod json;
mod legacy;
mod listener;
pub mod metrics;
mod notify;
mod problem;
pub mod request_id;
mod runtime;
mod serve;
mod status;
pub mod trace;
mod version;

pub use conn::{Conn, Peer, Secured};
pub use connection::Connection;
pub use extract::{
    JsonBody, PageParams, Path, Payload, Query, ThingCredentials, UserToken,
    parse_thing_credentials, parse_user_token,
};
pub use grpc::{ConnectError, check_url, connect};
pub use json::Json;
pub use legacy::{Legacy, api, legacy};
pub use listener::{BindError, Limits, Listener};
pub use metrics::metrics_router;
pub use notify::notify_ready;
pub use problem::Problem;
pub use runtime::{Runtime, Settings};
pub use version::version_router;

/// The version every role reports, that of the wire it speaks.
pub const VERSION: &str = "0.9.0";
