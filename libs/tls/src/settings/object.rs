use config::{Environment, Problems};
use schemars::JsonSchema;
use serde::Deserialize;

use super::endpoint::Legacy;
use super::pem::Pem;
use super::{Endpoint, Role};

/// Certificate, key and CAs of an endpoint; they always come from one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Material {
    pub(crate) cert: Option<Pem>,
    pub(crate) key: Option<Pem>,
    /// What the peer's certificate must chain to.
    pub(crate) ca: Option<Pem>,
}

impl Material {
    fn is_empty(&self) -> bool {
        self.cert.is_none() && self.key.is_none() && self.ca.is_none()
    }

    /// Returns what is there of the files.
    pub(crate) fn pems(&self) -> impl Iterator<Item = &Pem> {
        [&self.cert, &self.key, &self.ca].into_iter().flatten()
    }
}

/// The material that was found, and by which names.
#[derive(Default)]
pub(crate) struct Object {
    pub(crate) material: Material,
    /// The switch of a client of 0.9.
    pub(crate) switch: Option<bool>,
    pub(crate) legacy: Option<Legacy>,
    /// The variables of certificate and key, for messages.
    pub(crate) pair: (String, String),
}

/// The switch by itself: all names of 0.9 for it end in `_TLS`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Switch {
    tls: Option<bool>,
}

/// Finds the material: the first prefix that names any supplies all of it, else the names of 0.9 do.
pub(crate) fn find(
    environment: &Environment,
    endpoint: &Endpoint,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Object {
    let legacy = find_legacy(environment, endpoint, problems, warnings);
    for prefix in endpoint.prefixes {
        let mut ignored = Vec::new();
        let mut item =
            |name: &str| Pem::find(environment, &format!("{prefix}_TLS_{name}"), &mut ignored);
        let material = Material {
            cert: item("CERT"),
            key: item("KEY"),
            ca: item(&format!("{}_CA", endpoint.role.peer())),
        };
        if material.is_empty() {
            continue;
        }
        warnings.extend(ignored);
        if let Some(old) = legacy.as_ref().and_then(|old| old.material.pems().next()) {
            warnings.push(format!(
                "{} is ignored: {prefix}_TLS_* goes first",
                old.variable()
            ));
        }
        return Object {
            material,
            pair: (
                format!("{prefix}_TLS_CERT_PEM_FILE"),
                format!("{prefix}_TLS_KEY_PEM_FILE"),
            ),
            ..Object::default()
        };
    }
    legacy.unwrap_or_else(|| Object {
        pair: (
            endpoint.variable("CERT_PEM_FILE"),
            endpoint.variable("KEY_PEM_FILE"),
        ),
        ..Object::default()
    })
}

fn find_legacy(
    environment: &Environment,
    endpoint: &Endpoint,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Object> {
    for legacy in endpoint.legacy {
        let file = |name: &str| Some(Pem::file(name, environment.get(name)?));
        let material = Material {
            cert: legacy.cert.and_then(file),
            key: legacy.key.and_then(file),
            ca: legacy.ca.iter().find_map(|name| file(name)),
        };
        let switch = legacy
            .switch
            .and_then(|name| switch(environment, name, problems));
        if material.is_empty() && switch.is_none() {
            continue;
        }
        if endpoint.role == Role::Client && switch == Some(false) && !material.is_empty() {
            let name = legacy.switch.unwrap_or_default();
            warnings.push(format!(
                "{name} is false: the connection is not encrypted although certificates are set"
            ));
        }
        return Some(Object {
            material,
            switch,
            legacy: Some(*legacy),
            pair: (
                legacy.cert.unwrap_or_default().to_owned(),
                legacy.key.unwrap_or_default().to_owned(),
            ),
        });
    }
    None
}

fn switch(environment: &Environment, name: &str, problems: &mut Problems) -> Option<bool> {
    let prefix = name.strip_suffix("TLS")?;
    config::load::<Switch>(environment, prefix, problems)?.tls
}
