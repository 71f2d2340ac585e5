use config::{Period, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::X509Identity;
use crate::names::check_trust_domain;

/// The limits of an [`Adapter`](crate::Adapter), shared by all device protocols of a process.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// How long an answer of the registry is used while no event says that it changed; without the registry, access
    /// is refused after that.
    pub cache_ttl: Period,
    /// How many keys, and how many rights to channels, are remembered.
    pub cache_capacity: usize,
    /// How many live connections one thing may have.
    pub sessions_per_thing: usize,
    /// How often the registry is asked whether an event was lost.
    pub changes_interval: Period,
    /// The trust domain whose SPIFFE IDs count: a verified certificate that is not registered is of the thing of its only
    /// URI, `spiffe://<trust domain>/thing/<id>`; unset, only registered certificates count.
    pub spiffe_trust_domain: String,
    /// Which further names in certificates count; see [`X509`](crate::X509).
    #[serde(skip)]
    pub x509_identity: X509Identity,
}

impl Settings {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_ADAPTER_";

    /// Notes what cannot be used.
    pub fn check(&self, problems: &mut Problems) {
        check_trust_domain(&self.spiffe_trust_domain, problems);
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache_ttl: Period::seconds(60),
            cache_capacity: 100_000,
            sessions_per_thing: 1024,
            changes_interval: Period::millis(500),
            spiffe_trust_domain: String::new(),
            x509_identity: X509Identity::Registry,
        }
    }
}
