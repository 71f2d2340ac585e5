use std::collections::BTreeMap;

use config::{Environment, Problems};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Autocert, Endpoint, Policy, autocert};

/// The prefix of what holds for the whole platform.
const GLOBAL: &str = "MF";

/// What says who the peer is, or turns TLS on, is never said for the whole platform at once.
const NEVER_GLOBAL: &[&str] = &[
    "ENABLED",
    "AUTOCERT",
    "CERTS_DIR",
    "SERVER_NAME",
    "INSECURE_SKIP_VERIFY",
    "PINNED_SPKI",
    "ALLOWED_IDS",
    "KEY_PASSWORD_FILE",
    "FORWARDED_CERT_HEADER",
    "FORWARDED_CERT_FROM",
];

/// Tells whether a variable may hold for the whole platform.
pub(super) fn is_global(name: &str) -> bool {
    let field = name.trim_start_matches("MF_TLS_");
    !NEVER_GLOBAL.contains(&field)
}

/// A policy, and the variable that decided each field of it.
pub(crate) struct Named {
    pub(crate) policy: Policy,
    pub(crate) autocert: Autocert,
    endpoint: Endpoint,
    variables: BTreeMap<String, String>,
}

impl Named {
    /// Returns the variable that set a field, or the one that would.
    pub(crate) fn variable(&self, field: &str) -> String {
        let set = self.variables.get(field).cloned();
        set.unwrap_or_else(|| self.endpoint.variable(field))
    }
}

/// Reads the policy.
pub(crate) fn load(
    environment: &Environment,
    endpoint: &Endpoint,
    problems: &mut Problems,
) -> Named {
    let mut variables = BTreeMap::new();
    let policy = choose(environment, endpoint, &mut variables, problems);
    let mut autocert = choose(environment, endpoint, &mut variables, problems);
    autocert::normalise(&mut autocert);
    Named {
        policy,
        autocert,
        endpoint: *endpoint,
        variables,
    }
}

/// Reads field by field, each from the first prefix that has it.
fn choose<T: DeserializeOwned + JsonSchema + Default>(
    environment: &Environment,
    endpoint: &Endpoint,
    variables: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) -> T {
    let fields = config::names::<T>("");
    let mut chosen = Vec::new();
    for prefix in endpoint.prefixes.iter().chain([&GLOBAL]) {
        let mut own = Vec::new();
        for field in &fields {
            let elsewhere = *prefix == GLOBAL && !is_global(field);
            if elsewhere || variables.contains_key(field) {
                continue;
            }
            // A value, or the file that it is in.
            for suffix in ["", "_FILE"] {
                let name = format!("{prefix}_TLS_{field}{suffix}");
                if let Some(value) = environment.get(&name) {
                    own.push((name.clone(), value.to_owned()));
                    chosen.push((format!("{field}{suffix}"), value.to_owned()));
                    variables.insert(field.clone(), name);
                }
            }
        }
        // For the mistakes, under the names the operator wrote.
        let _: Option<T> = config::load(
            &own.into_iter().collect(),
            &format!("{prefix}_TLS_"),
            problems,
        );
    }
    let merged = config::load(&chosen.into_iter().collect(), "", &mut Problems::new());
    merged.unwrap_or_default()
}
