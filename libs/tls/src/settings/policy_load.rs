use std::collections::BTreeMap;

use config::{Environment, Problems};

use super::{Endpoint, Policy};

/// The prefix of what holds for the whole platform.
const GLOBAL: &str = "MF";

/// What says who the peer is, or turns TLS on, is never said for the whole platform at once.
const NEVER_GLOBAL: &[&str] = &[
    "ENABLED",
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

/// Reads the policy field by field, each from the first prefix that has it.
pub(crate) fn load(
    environment: &Environment,
    endpoint: &Endpoint,
    problems: &mut Problems,
) -> Named {
    let fields = config::names::<Policy>("");
    let mut variables = BTreeMap::new();
    let mut chosen = Vec::new();
    for prefix in endpoint.prefixes.iter().chain([&GLOBAL]) {
        let mut own = Vec::new();
        for field in &fields {
            let elsewhere = *prefix == GLOBAL && !is_global(field);
            if elsewhere || variables.contains_key(field) {
                continue;
            }
            let name = format!("{prefix}_TLS_{field}");
            if let Some(value) = environment.get(&name) {
                own.push((name.clone(), value.to_owned()));
                chosen.push((field.clone(), value.to_owned()));
                variables.insert(field.clone(), name);
            }
        }
        // For the mistakes, under the names the operator wrote.
        let _: Option<Policy> = config::load(
            &own.into_iter().collect(),
            &format!("{prefix}_TLS_"),
            problems,
        );
    }
    let merged = config::load(&chosen.into_iter().collect(), "", &mut Problems::new());
    Named {
        policy: merged.unwrap_or_default(),
        endpoint: *endpoint,
        variables,
    }
}
