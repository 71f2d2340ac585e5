//! The client commands of `ferroflux`: the words and arguments of the 0.9 command line over HTTP, WebSocket and MQTT.
//!
//! A command is parsed by clap into a [`Command`], [`run`] carries it out. What it is told comes from the command line, the
//! environment and a file, in this order; all three use the variables of [`Config`].

mod api;
mod bench;
mod certs;
mod channels;
mod client;
mod command;
mod config;
mod details;
mod dial;
mod error;
mod file;
mod input;
mod login;
mod look;
mod messages;
mod options;
mod output;
mod pages;
mod progress;
mod provision;
mod rows;
mod settings;
mod table;
mod target;
mod things;
mod users;
mod watch;

pub use command::{Command, run, version};
pub use config::{Config, PREFIX};
pub use look::{Sight, look};
pub use options::Options;
