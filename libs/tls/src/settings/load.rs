use std::sync::Arc;

use config::{Environment, Problems};
use schemars::JsonSchema;
use serde::Deserialize;

use super::object::{self, Object};
use super::policy_load::{self, Named};
use super::rules;
use super::{ClientAuth, Endpoint, PinsFile, Profile, Role, Settings};
use crate::context::{self, ContextError};
use crate::material::Loaded;

/// What holds for the whole platform.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Global {
    /// Refuses what is kept from 0.9 although it is not safe.
    strict: bool,
}

/// Tells whether what is not safe is refused.
pub(crate) fn is_strict(environment: &Environment) -> bool {
    let global: Option<Global> = config::load(environment, "MF_TLS_", &mut Problems::new());
    global.is_some_and(|global| global.strict)
}

impl Settings {
    /// Reads the settings of an endpoint and its material, and checks both.
    ///
    /// What stops the start goes to `problems`, what an operator should know to `warnings`; neither holds a secret.
    /// Without variables the endpoint does plaintext.
    pub fn load(
        environment: &Environment,
        endpoint: &Endpoint,
        problems: &mut Problems,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let mut found = Problems::new();
        let strict = config::load::<Global>(environment, "MF_TLS_", &mut found)?.strict;
        let named = policy_load::load(environment, endpoint, &mut found);
        let object = object::find(environment, endpoint, &mut found, warnings);
        let enabled = rules::enabled(&named, &object, endpoint, strict, &mut found, warnings);
        let mut settings = settings(*endpoint, &named, object, enabled, strict);
        settings.pins = PinsFile::find(environment, &named);
        rules::check(&settings, &named, strict, &mut found, warnings);
        if found.is_empty() && (enabled || settings.is_forwarded()) {
            let loaded = Loaded::read(&settings, &mut found);
            if let Some(loaded) = loaded {
                warnings.extend(loaded.warnings.iter().cloned());
                try_context(&settings, &named, &loaded, &mut found);
            }
        }
        let good = found.is_empty();
        problems.append(found);
        good.then_some(settings)
    }
}

fn settings(
    endpoint: Endpoint,
    named: &Named,
    object: Object,
    enabled: bool,
    strict: bool,
) -> Settings {
    let policy = named.policy.clone();
    let default_auth = match (endpoint.role, &object.material.ca) {
        (Role::Listener, Some(_)) => ClientAuth::Require,
        (Role::Listener, None) | (Role::Client, _) => ClientAuth::None,
    };
    let default_profile = match object.legacy {
        Some(_) if !strict => Profile::Legacy,
        _ => Profile::Strict,
    };
    let autocert = Some(&named.autocert).filter(|autocert| enabled && autocert.autocert);
    Settings {
        endpoint,
        autocert: autocert
            .filter(|_| endpoint.role == Role::Listener)
            .cloned(),
        client_auth: policy.client_auth.unwrap_or(default_auth),
        profile: policy.profile.unwrap_or(default_profile),
        policy,
        material: object.material,
        pins: None,
        enabled,
    }
}

/// Finds out whether OpenSSL takes the lists, while their variables are known.
fn try_context(settings: &Settings, named: &Named, loaded: &Loaded, problems: &mut Problems) {
    let built = match settings.endpoint.role {
        Role::Listener => {
            let shared = Arc::default();
            context::server(settings, loaded, &crate::Alpn::none(), 0, &shared).map(drop)
        }
        Role::Client => context::client(settings, loaded, &crate::Alpn::none()).map(drop),
    };
    if let Err(ContextError::Setting { setting, source }) = built {
        problems.push(
            named.variable(setting),
            format!("is not accepted: {source}"),
        );
    }
}
