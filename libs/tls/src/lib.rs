//! TLS for every listener and every client of the platform, over OpenSSL; nothing else configures it.
//!
//! - [`Settings::load`] reads what an operator says about an [`Endpoint`] (all of them are in [`endpoints`]) and
//!   checks it together with the files it names.
//! - [`Acceptor`] turns accepted sockets into [`MaybeTls`] streams, off the accept loop, within deadlines and limits.
//! - [`ClientTls`] does the handshake with a server, [`PostgresTls`] with PostgreSQL. [`TlsInfo`] says what was agreed, [`PeerCert`] who the peer is:
//!   what a certificate means is decided by who asks.
//! - [`Forwarded`] judges client certificates that a proxy passes on in a header.
//! - [`Reloader`] swaps certificates while connections go on, gets those that a CA issues by itself (ACME), and keeps their OCSP responses.
//! - [`http_client::send`] makes one request, for those that need no more.
//! - [`Reason`] is the stable word for why a connection did not come about.

mod accept;
mod acme;
mod alpn;
mod classify;
mod client_tls;
mod context;
#[expect(
    unsafe_code,
    reason = "the crate of OpenSSL has no safe form of these calls"
)]
mod ffi;
mod forwarded;
pub mod http_client;
mod info;
mod library;
mod live;
mod material;
mod maybe_tls;
mod ocsp;
mod peer_cert;
mod postgres;
mod prefixed;
mod reason;
mod recheck;
mod reload;
mod server_tls;
mod settings;
mod verifier;
mod verify;

pub use accept::{Accepted, Acceptor};
pub use acme::Challenges;
pub use alpn::Alpn;
pub use client_tls::ClientTls;
pub use forwarded::Forwarded;
pub use info::TlsInfo;
pub use library::check_library;
pub use live::{BuildError, Reloaded};
pub use maybe_tls::MaybeTls;
pub use peer_cert::PeerCert;
pub use postgres::{Named, PostgresFiles, PostgresTls, Verify};
pub use reason::{Reason, Refused};
pub use reload::Reloader;
pub use server_tls::ServerTls;
pub use settings::{
    Autocert, ClientAuth, CrlMode, CrlScope, Endpoint, Legacy, MaterialVariables, Network, Pin,
    Plaintext, Policy, Profile, ProxyProtocol, ReloadOn, Role, Settings, Stapling, Tickets,
    Version, endpoints,
};
