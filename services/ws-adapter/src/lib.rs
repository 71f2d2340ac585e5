//! The WebSocket device protocol: `/channels/<id>/messages[/<subtopic>]` with the key or the certificate of a thing.
//!
//! Frames in are published to the address of the URL, messages to that address come out, the sender's own among them.

mod closing;
mod config;
mod connection;
mod frame;
mod handshake;
mod heartbeat;
mod http;
mod query;
mod upgrade;

pub use config::Config;
pub use http::router;
