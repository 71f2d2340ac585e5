//! The HTTP device protocol: `POST /channels/<id>/messages[/<subtopic>]` with the key or the certificate of a thing.
//!
//! 202 means that the message is as durable as the bus is configured to make it.

mod config;
mod http;
mod trace;

pub use config::Config;
pub use http::router;
