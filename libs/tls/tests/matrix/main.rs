//! The matrix of good and bad peers, over real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod acme;
mod autocert;
mod certificates;
mod client;
mod deadlines;
mod foreign;
mod forwarded;
mod made;
mod names;
mod ocsp;
mod one_port;
mod pebble;
mod pki;
mod policy;
mod protocol;
mod proxy;
mod reload;
mod resumption;
mod revocation;
mod settings;
mod site;
mod stage;
