//! What an operator says about the TLS of one endpoint.

mod autocert;
mod endpoint;
mod kinds;
mod load;
mod object;
mod pem;
mod pins;
mod policy;
mod policy_load;
mod rules;

pub use autocert::Autocert;
pub use endpoint::{Endpoint, Legacy, Role};
pub use kinds::{
    ClientAuth, CrlMode, CrlScope, Network, Pin, Plaintext, Profile, ProxyProtocol, ReloadOn,
    Stapling, Tickets, Version,
};
pub(crate) use load::is_strict;
pub(crate) use object::Material;
pub(crate) use pem::{Pem, read_file};
pub(crate) use pins::PinsFile;
pub use policy::{MaterialVariables, Policy};

/// The listeners and clients of the platform.
pub mod endpoints {
    pub use super::endpoint::{
        ALL, CLIENT, FRONT, HTTP_ADAPTER, HTTP_ADAPTER_THINGS, MQTT_ADAPTER, MQTT_ADAPTER_HTTP,
        MQTT_ADAPTER_THINGS, MQTT_ADAPTER_WS, READER, READER_THINGS, THINGS_AUTH_HTTP, THINGS_GRPC,
        THINGS_HTTP, THINGS_USERS, USERS_GRPC, USERS_HTTP, WRITER, WRITER_THINGS, WS_ADAPTER,
        WS_ADAPTER_THINGS, variables,
    };
}

/// The checked settings of one endpoint; `Debug` names sources and shows no material.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) policy: Policy,
    /// How a listener gets its certificates by itself, if it does.
    pub(crate) autocert: Option<Autocert>,
    pub(crate) material: Material,
    /// Where the pins are read from again, if they are in a file.
    pub(crate) pins: Option<PinsFile>,
    pub(crate) enabled: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) profile: Profile,
}

impl Settings {
    /// Tells whether the endpoint does TLS.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Returns the endpoint they are for.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns whether a listener asks for client certificates; without TLS only a proxy can have asked.
    pub fn client_auth(&self) -> ClientAuth {
        let own = if self.enabled {
            self.client_auth
        } else {
            ClientAuth::None
        };
        match own {
            ClientAuth::None if self.is_forwarded() => ClientAuth::Optional,
            own => own,
        }
    }

    /// Tells whether a listener takes certificates that a proxy forwards.
    pub fn is_forwarded(&self) -> bool {
        self.endpoint.is_forwarded(&self.policy)
    }

    /// Returns everything apart from the material.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Tells whether sessions are resumed by tickets.
    pub(crate) fn tickets(&self) -> bool {
        match self.policy.session_tickets {
            Tickets::Auto => self.client_auth == ClientAuth::None,
            Tickets::On => true,
            Tickets::Off => false,
        }
    }
}
