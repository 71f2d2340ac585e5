use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ::config::Period;
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nats_tls;
use crate::role::Shape;

/// What the names of these variables begin with.
pub(crate) const PREFIX: &str = "MF_";

/// The variables of the process, whatever roles it has.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Config {
    /// URL of NATS, such as `nats://localhost:4222`, or `tls://…` for TLS, with credentials if it wants any; without one the bus is a log in this process, which only the embedded shape can have.
    pub(crate) nats_url: Secret,
    /// File with the CAs of the NATS servers in PEM, else the system's; also `NATS_ROOT_CA`. This and the next two make TLS a must.
    pub(crate) nats_ca_certs: Option<String>,
    /// File with our certificate for NATS in PEM, followed by its intermediates; also `NATS_CLIENT_CERT`.
    pub(crate) nats_client_cert: Option<String>,
    /// File with the key of that certificate in PEM; also `NATS_CLIENT_KEY`. All three are read again at each reconnect.
    pub(crate) nats_client_key: Option<String>,
    /// Asserts that the NATS server syncs every write, which `MF_BUS_DURABILITY=power` needs there.
    pub(crate) nats_sync_always: bool,
    /// On how many servers of a NATS cluster each stream is kept when it is made; those that exist keep theirs.
    pub(crate) nats_replicas: usize,
    /// What an acknowledged message survives: `process`, that is `kill -9`, or `power`, that is the loss of power.
    pub(crate) bus_durability: Durability,
    /// Most bytes that are kept for readers that have not acknowledged them yet; beyond it, publishes are refused.
    pub(crate) bus_max_bytes: u64,
    /// Address the front listens on.
    pub(crate) front_host: IpAddr,
    /// Port of the front, which has everything under one address in the embedded shape; 0 takes a free one.
    pub(crate) front_port: u16,
    /// Address of the users role over gRPC.
    pub(crate) users_url: String,
    /// Address of the things role over gRPC.
    pub(crate) things_url: String,
    /// How long the start waits for a database or a bus that cannot be reached.
    pub(crate) start_timeout: Period,
    /// How long requests and connections may take to finish after SIGINT or SIGTERM.
    pub(crate) shutdown_grace: Period,
}

/// What an acknowledged message survives.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    /// The end of the process.
    #[default]
    Process,
    /// The loss of power.
    Power,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nats_url: Secret::default(),
            nats_ca_certs: None,
            nats_client_cert: None,
            nats_client_key: None,
            nats_sync_always: false,
            nats_replicas: 1,
            bus_durability: Durability::Process,
            bus_max_bytes: messaging::DEFAULT_MAX_BYTES,
            front_host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            front_port: 8080,
            users_url: "localhost:8181".to_owned(),
            things_url: "localhost:8183".to_owned(),
            start_timeout: Period::seconds(30),
            shutdown_grace: Period::seconds(10),
        }
    }
}

impl Config {
    /// Returns how to open the buses; those in process live under the data folder.
    pub(crate) fn buses(&self, shape: &Shape, data: &Path) -> messaging::Config {
        // A NATS address in the environment of a gateway is no reason to leave its own log.
        let nats = !self.nats_url.is_empty() && *shape != Shape::Embedded;
        messaging::Config {
            nats_url: nats.then(|| self.nats_url.expose().to_owned()),
            nats_tls: nats_tls::files(self),
            dir: data.join("bus"),
            durability: match self.bus_durability {
                Durability::Process => messaging::Durability::Process,
                Durability::Power => messaging::Durability::Power,
            },
            max_bytes: self.bus_max_bytes,
            nats_sync_always: self.nats_sync_always,
            nats_replicas: self.nats_replicas,
        }
    }
}
