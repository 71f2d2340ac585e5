//! The TLS of this process: read and checked with everything else, opened with what it protects.

use std::collections::BTreeMap;

use ::config::{Environment, Problems};
use storage::Db;
use tls::{Acceptor, Alpn, BuildError, ClientAuth, ClientTls, Endpoint, Reloader, endpoints};

use crate::role::{Role, Shape};

/// With what the roles reach things in another process; those of one process share a connection, with the first that is set.
pub(crate) const THINGS_CLIENTS: [&Endpoint; 5] = [
    &endpoints::HTTP_ADAPTER_THINGS,
    &endpoints::WS_ADAPTER_THINGS,
    &endpoints::MQTT_ADAPTER_THINGS,
    &endpoints::READER_THINGS,
    &endpoints::WRITER_THINGS,
];

/// The settings of every endpoint this process has.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    settings: BTreeMap<&'static str, tls::Settings>,
    /// What an operator should know.
    pub(crate) warnings: Vec<String>,
}

impl Certificates {
    /// Reads and checks them, and the files they name.
    pub(crate) fn load(environment: &Environment, shape: &Shape, problems: &mut Problems) -> Self {
        let mut all = Self::default();
        tls::check_library(environment, problems, &mut all.warnings);
        for endpoint in of(shape) {
            let loaded = tls::Settings::load(environment, endpoint, problems, &mut all.warnings);
            all.settings
                .extend(loaded.map(|settings| (endpoint.name, settings)));
        }
        all
    }

    /// Tells whether an endpoint does TLS.
    pub(crate) fn encrypts(&self, endpoint: &Endpoint) -> bool {
        let settings = self.settings.get(endpoint.name);
        settings.is_some_and(tls::Settings::is_enabled)
    }

    /// Returns the settings of an endpoint of this process.
    pub(crate) fn settings(&self, endpoint: &Endpoint) -> Option<&tls::Settings> {
        self.settings.get(endpoint.name)
    }

    /// Returns whether an endpoint of this process asks for client certificates.
    pub(crate) fn client_auth(&self, endpoint: &Endpoint) -> Option<ClientAuth> {
        self.settings
            .get(endpoint.name)
            .map(tls::Settings::client_auth)
    }
}

/// Returns the endpoints of a process; in the embedded shape nothing calls itself.
fn of(shape: &Shape) -> Vec<&'static Endpoint> {
    let mut all: Vec<&'static Endpoint> = Vec::new();
    if *shape == Shape::Embedded {
        all.push(&endpoints::FRONT);
    }
    if shape.has(Role::Users) {
        all.extend([&endpoints::USERS_HTTP, &endpoints::USERS_GRPC]);
    }
    if shape.has(Role::Things) {
        all.extend([
            &endpoints::THINGS_HTTP,
            &endpoints::THINGS_AUTH_HTTP,
            &endpoints::THINGS_GRPC,
        ]);
        if !shape.has(Role::Users) {
            all.push(&endpoints::THINGS_USERS);
        }
    }
    let here = shape.has(Role::Things);
    for (role, own, client) in [
        (
            Role::HttpAdapter,
            &endpoints::HTTP_ADAPTER,
            &endpoints::HTTP_ADAPTER_THINGS,
        ),
        (
            Role::WsAdapter,
            &endpoints::WS_ADAPTER,
            &endpoints::WS_ADAPTER_THINGS,
        ),
        (
            Role::MqttAdapter,
            &endpoints::MQTT_ADAPTER,
            &endpoints::MQTT_ADAPTER_THINGS,
        ),
        (Role::Reader, &endpoints::READER, &endpoints::READER_THINGS),
        (Role::Writer, &endpoints::WRITER, &endpoints::WRITER_THINGS),
    ] {
        if shape.has(role) {
            all.push(own);
            all.extend((!here).then_some(client));
        }
    }
    if shape.has(Role::MqttAdapter) {
        all.push(&endpoints::MQTT_ADAPTER_WS);
    }
    all
}

/// What is open, and what looks after it.
pub(crate) struct Secure<'a> {
    certificates: &'a Certificates,
    reloader: Reloader,
}

impl<'a> Secure<'a> {
    /// Starts with nothing open.
    pub(crate) fn new(certificates: &'a Certificates) -> Self {
        Self {
            certificates,
            reloader: Reloader::new(),
        }
    }

    /// Opens the acceptor of a listener.
    pub(crate) fn acceptor(
        &mut self,
        endpoint: &Endpoint,
        alpn: Alpn,
    ) -> Result<Option<Acceptor>, BuildError> {
        let Some(settings) = self.certificates.settings.get(endpoint.name) else {
            return Ok(None);
        };
        let acceptor = Acceptor::open(settings, alpn)?;
        if let Some(tls) = acceptor.tls() {
            self.reloader.add_server(tls);
        }
        if let Some(forwarded) = acceptor.forwarded() {
            self.reloader.add_forwarded(forwarded);
        }
        Ok(Some(acceptor))
    }

    /// Opens the TLS of a gRPC client: of the first of these endpoints that has it.
    pub(crate) fn client(
        &mut self,
        endpoints: &[&Endpoint],
    ) -> Result<Option<ClientTls>, BuildError> {
        let settings = endpoints
            .iter()
            .filter_map(|endpoint| self.certificates.settings.get(endpoint.name))
            .find(|settings| settings.is_enabled());
        let Some(settings) = settings else {
            return Ok(None);
        };
        let tls = ClientTls::open(settings, Alpn::grpc())?;
        self.reloader.add_client(&tls);
        Ok(Some(tls))
    }

    /// Looks after the certificates of a database.
    pub(crate) fn database(&mut self, db: &Db) {
        if let Some(tls) = db.tls() {
            self.reloader.add_postgres(tls);
        }
    }

    /// Returns what reads the files again, unless there are none.
    pub(crate) fn reloader(self) -> Option<Reloader> {
        (!self.reloader.is_empty()).then_some(self.reloader)
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::role::{Role, Shape};

    fn names(roles: &[Role]) -> Vec<&'static str> {
        of(&Shape::new(roles))
            .iter()
            .map(|endpoint| endpoint.name)
            .collect()
    }

    #[test]
    fn a_process_has_the_endpoints_of_its_roles() {
        assert!(names(&[]).contains(&"front"));
        assert!(names(&[]).iter().all(|name| !name.ends_with("-client")));
        assert_eq!(
            names(&[Role::WsAdapter]),
            ["ws-adapter", "ws-adapter-things-client"]
        );
        assert!(names(&[Role::Things]).contains(&"things-users-client"));
        assert!(!names(&[Role::Users, Role::Things]).contains(&"things-users-client"));
    }
}
