//! The tables of the README come from the code.

use tls::{Autocert, Endpoint, Legacy, MaterialVariables, Policy, Role, endpoints};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

#[test]
fn readme_shows_the_material() {
    let table = config::table::<MaterialVariables>("PREFIX_TLS_");
    config::check_readme(README, "MATERIAL", &table);
}

#[test]
fn readme_shows_the_policy() {
    config::check_readme(README, "POLICY", &config::table::<Policy>("PREFIX_TLS_"));
}

#[test]
fn readme_shows_the_automatic_certificates() {
    config::check_readme(
        README,
        "AUTOCERT",
        &config::table::<Autocert>("PREFIX_TLS_"),
    );
}

#[test]
fn readme_shows_the_endpoints() {
    let mut table =
        "| Endpoint | Prefixes, the first one first | Names of 0.9 |\n|---|---|---|\n".to_owned();
    for endpoint in endpoints::ALL {
        table.push_str(&row(endpoint));
    }
    config::check_readme(README, "ENDPOINTS", &table);
}

fn row(endpoint: &Endpoint) -> String {
    let code = |name: &&str| format!("`{name}`");
    let join = |names: Vec<String>| names.join(", ");
    let prefixes = join(endpoint.prefixes.iter().map(code).collect());
    let legacy = endpoint.legacy.iter().flat_map(names);
    let legacy = join(legacy.map(|name| code(&name)).collect());
    let role = match endpoint.role {
        Role::Listener => "listener",
        Role::Client => "client",
    };
    format!("| {} ({role}) | {prefixes} | {legacy} |\n", endpoint.name)
}

fn names(legacy: &Legacy) -> impl Iterator<Item = &'static str> {
    let ca = legacy.ca.iter().copied().map(Some);
    let all = [legacy.cert, legacy.key].into_iter().chain(ca);
    all.chain([legacy.switch]).flatten()
}

#[test]
fn every_variable_is_known_once_per_endpoint() {
    for endpoint in endpoints::ALL {
        let mut names = endpoint.variables();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "{}", endpoint.name);
    }
}
