//! What must not be combined, and what is worth a warning.

use config::Problems;

use super::object::Object;
use super::policy_load::Named;
use super::{
    ClientAuth, Endpoint, Plaintext, Profile, ProxyProtocol, Role, Settings, Version, autocert,
};

/// Decides whether an endpoint does TLS.
pub(super) fn enabled(
    named: &Named,
    object: &Object,
    endpoint: &Endpoint,
    strict: bool,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> bool {
    let policy = &named.policy;
    let ordered = policy.enabled.or(object.switch);
    if ordered == Some(false) {
        return false;
    }
    let material = &object.material;
    let (cert_name, key_name) = (&object.pair.0, &object.pair.1);
    let half = match (&material.cert, &material.key) {
        (Some(cert), None) => Some((cert.variable(), key_name)),
        (None, Some(key)) => Some((key.variable(), cert_name)),
        (Some(_), Some(_)) | (None, None) => None,
    };
    if let Some((set, missing)) = half {
        let documented = object.legacy.is_some_and(|legacy| legacy.half_is_plaintext);
        if documented && !strict && ordered.is_none() {
            warnings.push(format!(
                "{missing} is not set, but {set} is: connections are not encrypted"
            ));
        } else {
            problems.push(
                missing,
                format!("is not set, but {set} is; set both or neither"),
            );
        }
        return false;
    }
    if endpoint.role == Role::Listener && named.autocert.autocert {
        autocert::check(named, object, problems);
        return true;
    }
    match endpoint.role {
        Role::Client => {
            let any = material.cert.is_some() || material.ca.is_some();
            let asked = policy.server_name.is_some() || policy.insecure_skip_verify;
            ordered.unwrap_or(any || asked)
        }
        Role::Listener => {
            let why = match (&material.cert, &material.ca, ordered) {
                (Some(_), _, _) => return true,
                // Behind a proxy that ends TLS, the CA is for what the proxy forwards.
                (None, Some(_), None) if endpoint.is_forwarded(policy) => return false,
                (None, Some(ca), _) => ca.variable().to_owned(),
                (None, None, Some(_)) => named.variable("ENABLED"),
                (None, None, None) if policy.certs_dir.is_some() => named.variable("CERTS_DIR"),
                (None, None, None) => return false,
            };
            problems.push(
                cert_name,
                format!("is not set, nor is {key_name}, but {why} asks for TLS"),
            );
            false
        }
    }
}

/// Checks what must fit together.
pub(super) fn check(
    settings: &Settings,
    named: &Named,
    strict: bool,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) {
    networks(settings, named, problems);
    limits(settings, named, problems);
    forwarding(settings, named, problems);
    if settings.enabled {
        protocol(settings, named, problems);
        peer(settings, named, strict, problems, warnings);
    }
}

fn networks(settings: &Settings, named: &Named, problems: &mut Problems) {
    let policy = &settings.policy;
    if policy.proxy_protocol != ProxyProtocol::Off && policy.proxy_protocol_from.is_empty() {
        problems.push(
            named.variable("PROXY_PROTOCOL_FROM"),
            format!(
                "is not set, but {} is: name the proxies that are believed",
                named.variable("PROXY_PROTOCOL")
            ),
        );
    }
    if policy.plaintext == Plaintext::Allow && policy.plaintext_from.is_empty() {
        problems.push(named.variable("PLAINTEXT_FROM"), "allows no network");
    }
}

/// A header that nobody may send, or that nothing can be held against, is a mistake.
fn forwarding(settings: &Settings, named: &Named, problems: &mut Problems) {
    let policy = &settings.policy;
    let Some(header) = &policy.forwarded_cert_header else {
        return;
    };
    let variable = named.variable("FORWARDED_CERT_HEADER");
    if !settings.is_forwarded() {
        // The TCP port of MQTT shares its prefix with the WebSocket port.
        if settings.endpoint != super::endpoints::MQTT_ADAPTER {
            problems.push(variable, "is for listeners where devices speak HTTP");
        }
        return;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !header.bytes().all(plain) {
        problems.push(&variable, "is no name of a header; write Client-Cert");
    }
    if policy.forwarded_cert_from.is_empty() {
        problems.push(
            named.variable("FORWARDED_CERT_FROM"),
            format!("is not set, but {variable} is: name the proxies that are believed"),
        );
    }
    if settings.material.ca.is_none() {
        problems.push(
            named.variable("CLIENT_CA_PEM_FILE"),
            format!("is not set, but {variable} is: name the CAs of the forwarded certificates"),
        );
    }
}

fn limits(settings: &Settings, named: &Named, problems: &mut Problems) {
    let policy = &settings.policy;
    for (field, zero) in [
        (
            "FIRST_BYTE_TIMEOUT",
            policy.first_byte_timeout.get().is_zero(),
        ),
        (
            "HANDSHAKE_TIMEOUT",
            policy.handshake_timeout.get().is_zero(),
        ),
        ("MAX_PENDING", policy.max_pending == 0),
        ("MAX_HANDSHAKES", policy.max_handshakes == 0),
        ("MAX_PER_IP", policy.max_per_ip == 0),
    ] {
        if zero {
            problems.push(named.variable(field), "must be more than zero");
        }
    }
}

fn protocol(settings: &Settings, named: &Named, problems: &mut Problems) {
    let policy = &settings.policy;
    if policy.min_version > policy.max_version {
        problems.push(
            named.variable("MIN_VERSION"),
            format!("is newer than {}", named.variable("MAX_VERSION")),
        );
    }
    if policy.require_pq && policy.max_version < Version::V13 {
        problems.push(named.variable("REQUIRE_PQ"), "needs TLS 1.3");
    }
    if policy.require_pq && policy.groups.is_some() {
        problems.push(
            named.variable("REQUIRE_PQ"),
            format!("contradicts {}; unset one", named.variable("GROUPS")),
        );
    }
    let groups = policy.groups.as_deref().unwrap_or_default();
    if groups.to_ascii_uppercase().contains("DEFAULT") {
        problems.push(
            named.variable("GROUPS"),
            "must name the groups: DEFAULT undoes the order in some versions of OpenSSL",
        );
    }
}

fn peer(
    settings: &Settings,
    named: &Named,
    strict: bool,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) {
    let (policy, ca) = (&settings.policy, &settings.material.ca);
    if settings.endpoint.role == Role::Listener {
        match (settings.client_auth, ca) {
            (ClientAuth::None, Some(_)) if settings.is_forwarded() => {}
            (ClientAuth::None, Some(ca)) => warnings.push(format!(
                "{} is not used: {} is none",
                ca.variable(),
                named.variable("CLIENT_AUTH")
            )),
            (ClientAuth::Optional | ClientAuth::Require, None) => problems.push(
                named.variable("CLIENT_CA_PEM_FILE"),
                format!(
                    "is not set, but {} asks for client certificates",
                    named.variable("CLIENT_AUTH")
                ),
            ),
            (ClientAuth::None, None) | (_, Some(_)) => {}
        }
    } else if policy.insecure_skip_verify {
        let name = named.variable("INSECURE_SKIP_VERIFY");
        if strict {
            problems.push(&name, "is refused because MF_TLS_STRICT is true");
        }
        if !policy.pinned_spki.is_empty() || !policy.allowed_ids.is_empty() {
            problems.push(
                &name,
                "contradicts pins and allowed names, which are not looked at then",
            );
        }
        warnings.push(format!("{name} is true: the server can be anybody"));
    }
    if settings.profile == Profile::Legacy {
        warnings.push(format!(
            "{}: certificates of version 1, without SAN and without usages are taken; set {} to strict when they are renewed",
            settings.endpoint.name,
            named.variable("PROFILE")
        ));
    }
}
