//! Which variables belong to which listener and which client.

/// Which side of a connection an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It accepts connections.
    Listener,
    /// It makes them.
    Client,
}

impl Role {
    /// The word in the names of the CA variables: whose certificates they are to verify.
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Self::Listener => "CLIENT",
            Self::Client => "SERVER",
        }
    }
}

/// One listener or client of the platform, and where its settings are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name in logs and metrics.
    pub name: &'static str,
    /// Which side it is.
    pub role: Role,
    /// Prefixes of its variables (`PREFIX_TLS_NAME`), the most specific one first.
    pub prefixes: &'static [&'static str],
    /// The names 0.9 had for it; used when no variable with a prefix names any material.
    pub legacy: &'static [Legacy],
}

/// Names of 0.9 for the material of one endpoint; each is the path of a PEM file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// The certificate.
    pub cert: Option<&'static str>,
    /// Its key.
    pub key: Option<&'static str>,
    /// The CAs; the first that is set counts.
    pub ca: &'static [&'static str],
    /// The switch a client had.
    pub switch: Option<&'static str>,
    /// Whether half a pair means plaintext with a warning; everywhere else it is refused.
    pub half_is_plaintext: bool,
}

const fn pair(cert: &'static str, key: &'static str) -> Legacy {
    Legacy {
        cert: Some(cert),
        key: Some(key),
        ca: &[],
        switch: None,
        half_is_plaintext: false,
    }
}

const fn documented_pair(cert: &'static str, key: &'static str) -> Legacy {
    Legacy {
        half_is_plaintext: true,
        ..pair(cert, key)
    }
}

const fn mutual(cert: &'static str, key: &'static str, ca: &'static [&'static str]) -> Legacy {
    Legacy {
        ca,
        ..pair(cert, key)
    }
}

const fn cas(ca: &'static [&'static str], switch: &'static str) -> Legacy {
    Legacy {
        cert: None,
        key: None,
        ca,
        switch: Some(switch),
        half_is_plaintext: false,
    }
}

const USERS_PAIR: Legacy = documented_pair("MF_USERS_SERVER_CERT", "MF_USERS_SERVER_KEY");
const THINGS_PAIR: Legacy = documented_pair("MF_THINGS_SERVER_CERT", "MF_THINGS_SERVER_KEY");

/// What every service of 0.9 called the object of its client for the things service.
const THINGS_CLIENT: Legacy = Legacy {
    switch: Some("MF_THINGS_AUTH_GRPC_CLIENT_TLS"),
    ..mutual(
        "MF_THINGS_AUTH_GRPC_CLIENT_CERT",
        "MF_THINGS_AUTH_GRPC_CLIENT_KEY",
        &[
            "MF_THINGS_AUTH_GRPC_SERVER_CA_CERTS",
            "MF_THINGS_AUTH_GRPC_CA_CERTS",
        ],
    )
};

/// The same for the users service, after the service that took over its gRPC.
const USERS_CLIENT: Legacy = Legacy {
    switch: Some("MF_AUTH_GRPC_CLIENT_TLS"),
    ..mutual(
        "MF_AUTH_GRPC_CLIENT_CERT",
        "MF_AUTH_GRPC_CLIENT_KEY",
        &["MF_AUTH_GRPC_SERVER_CA_CERTS", "MF_AUTH_GRPC_CA_CERTS"],
    )
};

macro_rules! endpoints {
    ($($(#[$doc:meta])* $id:ident = $role:ident $name:literal $prefixes:expr, $legacy:expr;)*) => {
        $($(#[$doc])*
        pub const $id: Endpoint = Endpoint {
            name: $name,
            role: Role::$role,
            prefixes: &$prefixes,
            legacy: &$legacy,
        };)*

        /// Every endpoint of the platform.
        pub const ALL: &[&Endpoint] = &[$(&$id),*];
    };
}

endpoints! {
    /// The API of users.
    USERS_HTTP = Listener "users-http" ["MF_USERS_HTTP", "MF_USERS"], [
        pair("MF_USERS_HTTP_SERVER_CERT", "MF_USERS_HTTP_SERVER_KEY"),
        USERS_PAIR,
    ];
    /// The gRPC of users.
    USERS_GRPC = Listener "users-grpc" ["MF_USERS_GRPC", "MF_USERS"], [
        mutual("MF_USERS_GRPC_SERVER_CERT", "MF_USERS_GRPC_SERVER_KEY", &["MF_USERS_GRPC_CLIENT_CA_CERTS"]),
        USERS_PAIR,
    ];
    /// The API of things.
    THINGS_HTTP = Listener "things-http" ["MF_THINGS_HTTP", "MF_THINGS"], [
        pair("MF_THINGS_HTTP_SERVER_CERT", "MF_THINGS_HTTP_SERVER_KEY"),
        THINGS_PAIR,
    ];
    /// The auth API of things.
    THINGS_AUTH_HTTP = Listener "things-auth-http" ["MF_THINGS_AUTH_HTTP", "MF_THINGS"], [
        pair("MF_THINGS_AUTH_HTTP_SERVER_CERT", "MF_THINGS_AUTH_HTTP_SERVER_KEY"),
        THINGS_PAIR,
    ];
    /// The gRPC of things.
    THINGS_GRPC = Listener "things-grpc" ["MF_THINGS_AUTH_GRPC", "MF_THINGS_GRPC", "MF_THINGS"], [
        mutual("MF_THINGS_AUTH_GRPC_SERVER_CERT", "MF_THINGS_AUTH_GRPC_SERVER_KEY", &["MF_THINGS_AUTH_GRPC_CLIENT_CA_CERTS"]),
        THINGS_PAIR,
    ];
    /// Everything under one address, in the embedded shape.
    FRONT = Listener "front" ["MF_FRONT"], [];
    /// HTTP for devices.
    HTTP_ADAPTER = Listener "http-adapter" ["MF_HTTP_ADAPTER"], [
        pair("MF_HTTP_ADAPTER_SERVER_CERT", "MF_HTTP_ADAPTER_SERVER_KEY"),
    ];
    /// WebSocket for devices.
    WS_ADAPTER = Listener "ws-adapter" ["MF_WS_ADAPTER"], [
        pair("MF_WS_ADAPTER_SERVER_CERT", "MF_WS_ADAPTER_SERVER_KEY"),
    ];
    /// MQTT for devices.
    MQTT_ADAPTER = Listener "mqtt-adapter" ["MF_MQTT_ADAPTER_MQTT", "MF_MQTT_ADAPTER"], [
        pair("MF_MQTT_ADAPTER_SERVER_CERT", "MF_MQTT_ADAPTER_SERVER_KEY"),
    ];
    /// MQTT over WebSocket for devices.
    MQTT_ADAPTER_WS = Listener "mqtt-adapter-ws" ["MF_MQTT_ADAPTER_WS", "MF_MQTT_ADAPTER"], [
        pair("MF_MQTT_ADAPTER_SERVER_CERT", "MF_MQTT_ADAPTER_SERVER_KEY"),
    ];
    /// Health and metrics of the MQTT adapter.
    MQTT_ADAPTER_HTTP = Listener "mqtt-adapter-http" ["MF_MQTT_ADAPTER_HTTP", "MF_MQTT_ADAPTER"], [];
    /// The stored messages.
    READER = Listener "reader" ["MF_READER"], [
        pair("MF_READER_SERVER_CERT", "MF_READER_SERVER_KEY"),
    ];
    /// Health and metrics of the writer.
    WRITER = Listener "writer" ["MF_WRITER"], [];
    /// From things to users.
    THINGS_USERS = Client "things-users-client" ["MF_THINGS_USERS_GRPC_CLIENT", "MF_THINGS_CLIENT"], [
        cas(&["MF_THINGS_CA_CERTS"], "MF_THINGS_CLIENT_TLS"),
        USERS_CLIENT,
    ];
    /// From the HTTP adapter to things.
    HTTP_ADAPTER_THINGS = Client "http-adapter-things-client" ["MF_HTTP_ADAPTER_THINGS_GRPC_CLIENT", "MF_HTTP_ADAPTER_CLIENT"], [
        cas(&["MF_HTTP_ADAPTER_CA_CERTS"], "MF_HTTP_ADAPTER_CLIENT_TLS"),
        THINGS_CLIENT,
    ];
    /// From the WebSocket adapter to things.
    WS_ADAPTER_THINGS = Client "ws-adapter-things-client" ["MF_WS_ADAPTER_THINGS_GRPC_CLIENT", "MF_WS_ADAPTER_CLIENT"], [
        cas(&["MF_WS_ADAPTER_CA_CERTS"], "MF_WS_ADAPTER_CLIENT_TLS"),
        THINGS_CLIENT,
    ];
    /// From the reader to things.
    READER_THINGS = Client "reader-things-client" ["MF_READER_THINGS_GRPC_CLIENT", "MF_READER_CLIENT"], [
        cas(&["MF_READER_CA_CERTS"], "MF_READER_CLIENT_TLS"),
        THINGS_CLIENT,
    ];
    /// From the writer to things.
    WRITER_THINGS = Client "writer-things-client" ["MF_WRITER_THINGS_GRPC_CLIENT", "MF_WRITER_CLIENT"], [THINGS_CLIENT];
    /// From the MQTT adapter to things.
    MQTT_ADAPTER_THINGS = Client "mqtt-adapter-things-client" ["MF_MQTT_ADAPTER_THINGS_GRPC_CLIENT", "MF_MQTT_ADAPTER_CLIENT"], [
        cas(&["MF_MQTT_ADAPTER_CA_CERTS"], "MF_MQTT_ADAPTER_CLIENT_TLS"),
        THINGS_CLIENT,
    ];
    /// From the command line to everything.
    CLIENT = Client "client" ["MF_CLIENT"], [];
}

/// Returns the full names of the variables that hold for all endpoints.
pub fn variables() -> Vec<String> {
    let mut names = config::names::<super::Policy>("MF_TLS_");
    names.extend(config::names::<super::Autocert>("MF_TLS_"));
    names.retain(|name| super::policy_load::is_global(name));
    names.push("MF_TLS_STRICT".to_owned());
    names
}

impl Endpoint {
    /// Tells whether it takes certificates that a proxy forwards: devices speak HTTP or WebSocket there.
    pub(crate) fn is_forwarded(&self, policy: &super::Policy) -> bool {
        let for_devices = [FRONT, HTTP_ADAPTER, WS_ADAPTER, MQTT_ADAPTER_WS].contains(self);
        for_devices && policy.forwarded_cert_header.is_some()
    }

    /// Returns the name of a variable under the most specific prefix; what messages suggest.
    pub fn variable(&self, field: &str) -> String {
        let prefix = self.prefixes.first().copied().unwrap_or("MF");
        format!("{prefix}_TLS_{field}")
    }

    /// Returns the full names of all variables that are read for it.
    pub fn variables(&self) -> Vec<String> {
        let mut names = Vec::new();
        for prefix in self.prefixes {
            let prefix = format!("{prefix}_TLS_");
            names.extend(config::names::<super::Policy>(&prefix));
            names.extend(config::names::<super::Autocert>(&prefix));
            names.extend(config::names::<super::MaterialVariables>(&prefix));
        }
        for legacy in self.legacy {
            let single = [legacy.cert, legacy.key, legacy.switch];
            names.extend(single.into_iter().flatten().map(str::to_owned));
            names.extend(legacy.ca.iter().map(|&name| name.to_owned()));
        }
        names
    }
}
