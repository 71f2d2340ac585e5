//! What devices must present on each listener, and whether they can.

use ::adapter::{DeviceAuth, X509Identity};
use ::config::Problems;
use tls::{ClientAuth, Endpoint, endpoints};

use crate::settings::Settings;

/// The field of an endpoint that makes it ask for certificates.
const CLIENT_CA: &str = "CLIENT_CA_PEM_FILE";

/// A device listener, and what is configured for its protocol.
struct Door {
    endpoint: &'static Endpoint,
    prefix: &'static str,
    configured: Option<DeviceAuth>,
    /// Whether a front leads there too.
    fronted: bool,
}

impl Settings {
    /// Returns what a device must present on a listener of a protocol that is configured like this.
    pub(crate) fn device_auth(
        &self,
        configured: Option<DeviceAuth>,
        endpoint: &Endpoint,
    ) -> DeviceAuth {
        let asks = self.certificates.client_auth(endpoint);
        configured.unwrap_or(DeviceAuth::by_default(asks.unwrap_or(ClientAuth::None)))
    }

    /// Decides it where it is not configured, and notes what cannot be met and what should be known.
    pub(crate) fn settle_device_auth(&mut self, problems: &mut Problems) {
        for door in self.doors() {
            self.check(&door, problems);
        }
        if let Some(mqtt) = &self.mqtt {
            if let Some((variable, problem)) = mqtt.problem() {
                problems.push(&variable, problem.to_owned());
            } else if let Some(thing) = mqtt.anonymous_thing {
                self.warnings.push(format!(
                    "{}ANONYMOUS_THING lets whoever presents nothing in on the MQTT port, as the thing {thing}: this is for development",
                    mqtt_adapter::Config::PREFIX
                ));
            }
        }
        if self.adapter.x509_identity == X509Identity::CnThingKey && self.shape.has_adapter() {
            self.warnings.push(
                "MF_X509_IDENTITY is cn_thing_key: whoever sees such a certificate has the key of the thing, and TLS 1.2 shows it to the network; register certificates instead".to_owned(),
            );
        }
        let settle = |configured, endpoint| Some(self.device_auth(configured, endpoint));
        let http = self.http.as_ref().map(|config| config.device_auth);
        let http = http.and_then(|configured| settle(configured, &endpoints::HTTP_ADAPTER));
        let ws = self.ws.as_ref().map(|config| config.device_auth);
        let ws = ws.and_then(|configured| settle(configured, &endpoints::WS_ADAPTER));
        if let Some(config) = &mut self.http {
            config.device_auth = http;
        }
        if let Some(config) = &mut self.ws {
            config.device_auth = ws;
        }
    }

    fn doors(&self) -> Vec<Door> {
        let mut doors = Vec::new();
        doors.extend(self.http.as_ref().map(|config| Door {
            endpoint: &endpoints::HTTP_ADAPTER,
            prefix: http_adapter::Config::PREFIX,
            configured: config.device_auth,
            fronted: true,
        }));
        doors.extend(self.ws.as_ref().map(|config| Door {
            endpoint: &endpoints::WS_ADAPTER,
            prefix: ws_adapter::Config::PREFIX,
            configured: config.device_auth,
            fronted: true,
        }));
        let both = [
            (&endpoints::MQTT_ADAPTER, false),
            (&endpoints::MQTT_ADAPTER_WS, true),
        ];
        for (endpoint, fronted) in both {
            doors.extend(self.mqtt.as_ref().map(|config| Door {
                endpoint,
                prefix: mqtt_adapter::Config::PREFIX,
                configured: config.device_auth,
                fronted,
            }));
        }
        doors
    }

    fn check(&mut self, door: &Door, problems: &mut Problems) {
        let auth = self.device_auth(door.configured, door.endpoint);
        if !auth.needs_certificate() {
            return;
        }
        let variable = format!("{}DEVICE_AUTH", door.prefix);
        // An endpoint that is not there has a problem of its own.
        if self.certificates.client_auth(door.endpoint) == Some(ClientAuth::None) {
            let (name, ca) = (door.endpoint.name, door.endpoint.variable(CLIENT_CA));
            problems.push(
                &variable,
                format!("is {auth}, but {name} asks for no client certificate; set {ca}"),
            );
        }
        let front = &endpoints::FRONT;
        if door.fronted && self.certificates.client_auth(front) == Some(ClientAuth::None) {
            let (name, ca) = (door.endpoint.name, front.variable(CLIENT_CA));
            self.warnings.push(format!(
                "{variable} is {auth}, and the front asks for no certificate: what comes by it to {name} is refused; set {ca} if devices are to use the front"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use ::config::Environment;

    use crate::role::{Role, Shape};
    use crate::settings::{Settings, Source};

    fn problems(roles: &[Role], variables: &[(&str, &str)]) -> String {
        let environment: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let loaded = Settings::load(Source {
            environment: &environment,
            shape: Shape::new(roles),
            data: None,
            check: true,
        });
        loaded
            .err()
            .map(|problems| problems.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_certificate_is_demanded_only_where_one_is_asked_for() {
        for (variable, ca) in [
            (
                "MF_HTTP_ADAPTER_DEVICE_AUTH",
                "MF_HTTP_ADAPTER_TLS_CLIENT_CA_PEM_FILE",
            ),
            (
                "MF_WS_ADAPTER_DEVICE_AUTH",
                "MF_WS_ADAPTER_TLS_CLIENT_CA_PEM_FILE",
            ),
            (
                "MF_MQTT_ADAPTER_DEVICE_AUTH",
                "MF_MQTT_ADAPTER_MQTT_TLS_CLIENT_CA_PEM_FILE",
            ),
            (
                "MF_MQTT_ADAPTER_DEVICE_AUTH",
                "MF_MQTT_ADAPTER_WS_TLS_CLIENT_CA_PEM_FILE",
            ),
        ] {
            for demand in ["cert", "cert_and_key"] {
                let text = problems(&[], &[(variable, demand)]);
                assert!(text.contains(variable) && text.contains(ca), "{text}");
            }
            for demand in ["key", "cert_or_key", ""] {
                assert_eq!(problems(&[], &[(variable, demand)]), "");
            }
        }
    }

    #[test]
    fn anonymous_clients_are_for_loopback_only() {
        let variable = "MF_MQTT_ADAPTER_ANONYMOUS_THING";
        let thing = (variable, "7fe021dd-97f7-42f8-a2f0-c122e0873aea");
        let text = problems(&[], &[thing]);
        assert!(
            text.contains(variable) && text.contains("loopback"),
            "{text}"
        );
        let host = ("MF_MQTT_ADAPTER_HOST", "127.0.0.1");
        assert_eq!(problems(&[], &[thing, host]), "");
        assert!(problems(&[], &[(variable, "x"), host]).contains(variable));
    }

    #[test]
    fn what_no_certificate_can_say_is_named() {
        let text = problems(
            &[],
            &[
                ("MF_ADAPTER_SPIFFE_TRUST_DOMAIN", "spiffe://x"),
                ("MF_X509_IDENTITY", "cn"),
            ],
        );
        assert!(text.contains("MF_ADAPTER_SPIFFE_TRUST_DOMAIN"), "{text}");
        assert!(text.contains("MF_X509_IDENTITY"), "{text}");
    }
}
