//! What the variables mean together.

use config::{Environment, Problems};
use tls::{Endpoint, Settings, endpoints};

use crate::stage::WORLD;

struct Outcome {
    settings: Option<Settings>,
    problems: String,
    warnings: String,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match &self.settings {
            Some(settings) if settings.is_enabled() => "tls",
            Some(_) => "plaintext",
            None => "refused",
        }
    }
}

fn load(endpoint: &Endpoint, variables: &[(&str, &str)]) -> Outcome {
    let text = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let environment: Environment = variables.iter().map(text).collect();
    let (mut problems, mut warnings) = (Problems::new(), Vec::new());
    let settings = Settings::load(&environment, endpoint, &mut problems, &mut warnings);
    Outcome {
        settings,
        problems: problems.to_string(),
        warnings: warnings.join("\n"),
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let write = |name: &str, text: String| std::fs::write(files.path(name), text).unwrap();
        write("ca.crt", WORLD.root.cert_pem());
        write("server.crt", WORLD.server.pem());
        write("server.key", WORLD.server.key_pem());
        write("client.crt", WORLD.client.pem());
        write("client.key", WORLD.client.key_pem());
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn nothing_set_is_plaintext_everywhere() {
    for endpoint in endpoints::ALL {
        let outcome = load(endpoint, &[("MF_TLS_STRICT", "true")]);
        assert_eq!(outcome.word(), "plaintext", "{}", endpoint.name);
        assert_eq!(outcome.warnings, "", "{}", endpoint.name);
    }
}

#[test]
fn half_a_pair_is_refused_and_both_names_are_named() {
    let files = Files::new();
    let (cert, key) = (files.path("server.crt"), files.path("server.key"));
    let cases: [(&Endpoint, &str, &str); 3] = [
        (
            &endpoints::HTTP_ADAPTER,
            "MF_HTTP_ADAPTER_TLS_CERT_PEM_FILE",
            "MF_HTTP_ADAPTER_TLS_KEY_PEM_FILE",
        ),
        (
            &endpoints::USERS_HTTP,
            "MF_USERS_TLS_CERT_PEM_FILE",
            "MF_USERS_TLS_KEY_PEM_FILE",
        ),
        (
            &endpoints::USERS_HTTP,
            "MF_USERS_HTTP_SERVER_CERT",
            "MF_USERS_HTTP_SERVER_KEY",
        ),
    ];
    for (endpoint, cert_name, key_name) in cases {
        for set in [(cert_name, cert.as_str()), (key_name, key.as_str())] {
            let outcome = load(endpoint, &[set]);
            assert_eq!(outcome.word(), "refused", "{set:?}");
            let both = outcome.problems.contains(cert_name) && outcome.problems.contains(key_name);
            assert!(both, "{}", outcome.problems);
        }
    }
}

#[test]
fn half_of_a_documented_pair_is_plaintext_with_a_warning() {
    let files = Files::new();
    let (cert, key) = (files.path("server.crt"), files.path("server.key"));
    for (endpoint, prefix) in [
        (&endpoints::USERS_GRPC, "MF_USERS"),
        (&endpoints::THINGS_HTTP, "MF_THINGS"),
    ] {
        let names = [
            format!("{prefix}_SERVER_CERT"),
            format!("{prefix}_SERVER_KEY"),
        ];
        for set in [
            (names[0].as_str(), cert.as_str()),
            (names[1].as_str(), key.as_str()),
        ] {
            let outcome = load(endpoint, &[set]);
            assert_eq!(outcome.word(), "plaintext");
            assert!(
                names.iter().all(|name| outcome.warnings.contains(name)),
                "{}",
                outcome.warnings
            );
            let outcome = load(endpoint, &[set, ("MF_TLS_STRICT", "1")]);
            assert_eq!(outcome.word(), "refused");
        }
        let both = [
            (names[0].as_str(), cert.as_str()),
            (names[1].as_str(), key.as_str()),
        ];
        assert_eq!(load(endpoint, &both).word(), "tls");
    }
}

#[test]
fn material_comes_from_one_prefix_and_policy_field_by_field() {
    let files = Files::new();
    let (cert, key, ca) = (
        files.path("server.crt"),
        files.path("server.key"),
        files.path("ca.crt"),
    );
    let service = [
        ("MF_USERS_TLS_CERT_PEM_FILE", cert.as_str()),
        ("MF_USERS_TLS_KEY_PEM_FILE", key.as_str()),
    ];
    assert_eq!(load(&endpoints::USERS_HTTP, &service).word(), "tls");
    // The certificate of the service does not complete the key of the endpoint.
    let mixed = [
        service[0],
        service[1],
        ("MF_USERS_HTTP_TLS_KEY_PEM_FILE", &key),
    ];
    assert_eq!(load(&endpoints::USERS_HTTP, &mixed).word(), "refused");
    assert_eq!(load(&endpoints::USERS_GRPC, &mixed).word(), "tls");
    let policy = [
        service[0],
        service[1],
        ("MF_USERS_TLS_CLIENT_CA_PEM_FILE", &ca),
        ("MF_TLS_MIN_VERSION", "1.3"),
        ("MF_USERS_TLS_HANDSHAKE_TIMEOUT", "7s"),
        ("MF_USERS_HTTP_TLS_HANDSHAKE_TIMEOUT", "5s"),
        ("MF_TLS_ENABLED", "false"),
    ];
    let settings = load(&endpoints::USERS_HTTP, &policy).settings.unwrap();
    assert!(settings.is_enabled(), "nothing turns TLS off for all");
    assert_eq!(settings.policy().min_version, tls::Version::V13);
    assert_eq!(settings.policy().handshake_timeout.to_string(), "5s");
}

#[test]
fn a_file_beats_base64_beats_pem_and_the_others_are_named() {
    let files = Files::new();
    let encoded = openssl::base64::encode_block(WORLD.server.pem().as_bytes());
    let (cert, key) = (files.path("server.crt"), WORLD.server.key_pem());
    let variables = [
        ("MF_HTTP_ADAPTER_TLS_CERT_PEM_FILE", cert.as_str()),
        ("MF_HTTP_ADAPTER_TLS_CERT_PEM_B64", "nonsense"),
        ("MF_HTTP_ADAPTER_TLS_CERT_PEM", "nonsense"),
        ("MF_HTTP_ADAPTER_TLS_KEY_PEM", &key),
    ];
    let outcome = load(&endpoints::HTTP_ADAPTER, &variables);
    assert_eq!(outcome.word(), "tls", "{}", outcome.problems);
    for name in ["CERT_PEM_B64 is ignored", "CERT_PEM is ignored"] {
        assert!(outcome.warnings.contains(name), "{}", outcome.warnings);
    }
    let mut variables = variables.to_vec();
    variables[0].1 = "";
    variables[1].1 = &encoded;
    assert_eq!(load(&endpoints::HTTP_ADAPTER, &variables).word(), "tls");
}

#[test]
fn the_cas_of_0_9_and_its_switch() {
    let files = Files::new();
    let ca = files.path("ca.crt");
    let missing = files.path("missing.crt");
    for (cas, switch, expected) in [
        ("", "", "plaintext"),
        ("", "true", "tls"),
        ("", "false", "plaintext"),
        (ca.as_str(), "", "tls"),
        (ca.as_str(), "true", "tls"),
        (ca.as_str(), "false", "plaintext"),
        (missing.as_str(), "", "refused"),
        (missing.as_str(), "true", "refused"),
        (missing.as_str(), "false", "plaintext"),
    ] {
        let variables = [
            ("MF_HTTP_ADAPTER_CA_CERTS", cas),
            ("MF_HTTP_ADAPTER_CLIENT_TLS", switch),
        ];
        let outcome = load(&endpoints::HTTP_ADAPTER_THINGS, &variables);
        assert_eq!(
            outcome.word(),
            expected,
            "{cas} {switch}: {}",
            outcome.problems
        );
        if expected == "refused" {
            assert!(
                outcome
                    .problems
                    .contains("MF_HTTP_ADAPTER_CA_CERTS cannot be read"),
                "{}",
                outcome.problems
            );
        }
    }
    let outcome = load(
        &endpoints::THINGS_USERS,
        &[("MF_THINGS_CA_CERTS", &missing)],
    );
    assert_eq!(outcome.word(), "refused");
}

/// Each must be refused, with the name of the variable and the reason.
fn refuse(files: &Files, cases: &[(&[(&str, &str)], &str)]) {
    let (cert, key) = (files.path("server.crt"), files.path("server.key"));
    let pair = [
        ("CERT_PEM_FILE", cert.as_str()),
        ("KEY_PEM_FILE", key.as_str()),
    ];
    for (fields, expected) in cases {
        let named: Vec<_> = pair
            .iter()
            .filter(|(name, _)| fields.iter().all(|(set, _)| set != name))
            .chain(*fields)
            .map(|(name, value)| (format!("MF_WS_ADAPTER_TLS_{name}"), *value))
            .collect();
        let named: Vec<_> = named
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let outcome = load(&endpoints::WS_ADAPTER, &named);
        assert_eq!(outcome.word(), "refused", "{fields:?}");
        let expected = format!("MF_WS_ADAPTER_TLS_{expected}");
        assert!(
            outcome.problems.contains(&expected),
            "{fields:?}: {}",
            outcome.problems
        );
    }
}

#[test]
fn wrong_material_is_refused_with_its_name() {
    let files = Files::new();
    let (cert, ca) = (files.path("server.crt"), files.path("ca.crt"));
    let client_key = files.path("client.key");
    refuse(
        &files,
        &[
            (
                &[("CLIENT_AUTH", "require")],
                "CLIENT_CA_PEM_FILE is not set",
            ),
            (
                &[("CLIENT_CA_PEM_FILE", &cert)],
                "CLIENT_CA_PEM_FILE holds a certificate that is no CA (number 1)",
            ),
            (
                &[("CLIENT_CA_PEM", "nonsense")],
                "CLIENT_CA_PEM holds no certificate",
            ),
            (
                &[("KEY_PEM_FILE", &client_key)],
                "KEY_PEM_FILE is not the key of the certificate",
            ),
            (
                &[("CRL_PEM", "nonsense"), ("CLIENT_CA_PEM_FILE", &ca)],
                "CRL_PEM holds no revocation list",
            ),
            (
                &[("KEY_PASSWORD_FILE", "/nowhere")],
                "KEY_PASSWORD_FILE cannot be read",
            ),
        ],
    );
}

#[test]
fn what_contradicts_itself_is_refused_with_its_name() {
    refuse(
        &Files::new(),
        &[
            (&[("MIN_VERSION", "1.1")], "MIN_VERSION is wrong"),
            (
                &[("MIN_VERSION", "1.3"), ("MAX_VERSION", "1.2")],
                "MIN_VERSION is newer",
            ),
            (&[("CIPHERS", "NONSENSE")], "CIPHERS is not accepted"),
            (
                &[("CIPHERSUITES", "NONSENSE")],
                "CIPHERSUITES is not accepted",
            ),
            (&[("GROUPS", "NONSENSE")], "GROUPS is not accepted"),
            (&[("GROUPS", "X25519:DEFAULT")], "GROUPS must name"),
            (
                &[("REQUIRE_PQ", "1"), ("GROUPS", "X25519")],
                "REQUIRE_PQ contradicts",
            ),
            (
                &[("PROXY_PROTOCOL", "v1")],
                "PROXY_PROTOCOL_FROM is not set",
            ),
            (
                &[("PLAINTEXT_FROM", "10.0.0.0/99")],
                "PLAINTEXT_FROM is wrong",
            ),
            (&[("PINNED_SPKI", "abc")], "PINNED_SPKI is wrong"),
            (
                &[("MAX_HANDSHAKES", "0")],
                "MAX_HANDSHAKES must be more than zero",
            ),
            (
                &[("HANDSHAKE_TIMEOUT", "0")],
                "HANDSHAKE_TIMEOUT must be more than zero",
            ),
        ],
    );
}

#[test]
fn an_unverified_server_is_warned_of_and_refused_when_strict() {
    let name = "MF_WS_ADAPTER_CLIENT_TLS_INSECURE_SKIP_VERIFY";
    let outcome = load(&endpoints::WS_ADAPTER_THINGS, &[(name, "true")]);
    assert_eq!(outcome.word(), "tls");
    assert!(outcome.warnings.contains(name), "{}", outcome.warnings);
    let outcome = load(
        &endpoints::WS_ADAPTER_THINGS,
        &[(name, "true"), ("MF_TLS_STRICT", "true")],
    );
    assert_eq!(outcome.word(), "refused");
}

#[test]
fn nothing_secret_is_printed() {
    let key = WORLD.server.key_pem();
    let encoded = openssl::base64::encode_block(key.as_bytes());
    let cert = WORLD.server.pem();
    let variables = [
        ("MF_HTTP_ADAPTER_TLS_CERT_PEM", cert.as_str()),
        ("MF_HTTP_ADAPTER_TLS_KEY_PEM_B64", &encoded),
        ("MF_HTTP_ADAPTER_TLS_KEY_PEM", &key),
    ];
    let outcome = load(&endpoints::HTTP_ADAPTER, &variables);
    let printed = format!("{:?} {}", outcome.settings.unwrap(), outcome.warnings);
    let wrong = variables.map(|(name, value)| {
        (
            name,
            if name.contains("CERT") {
                value
            } else {
                &value[5..]
            },
        )
    });
    let outcome = load(&endpoints::HTTP_ADAPTER, &wrong);
    assert_eq!(outcome.word(), "refused");
    let printed = printed + &outcome.problems;
    for secret in [&encoded[20..40], &key.lines().nth(1).unwrap()[..20]] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let files = Files::new();
    let cipher = openssl::symm::Cipher::aes_256_cbc();
    let pem = WORLD
        .server
        .key
        .private_key_to_pem_pkcs8_passphrase(cipher, b"opensesame")
        .unwrap();
    std::fs::write(files.path("server.key"), pem).unwrap();
    std::fs::write(files.path("password"), "opensesame\n").unwrap();
    let (cert, key, password) = (
        files.path("server.crt"),
        files.path("server.key"),
        files.path("password"),
    );
    let pair = [
        ("MF_WS_ADAPTER_TLS_CERT_PEM_FILE", cert.as_str()),
        ("MF_WS_ADAPTER_TLS_KEY_PEM_FILE", key.as_str()),
    ];
    let outcome = load(&endpoints::WS_ADAPTER, &pair);
    assert!(
        outcome.problems.contains("password is missing or wrong"),
        "{}",
        outcome.problems
    );
    let with = [
        pair[0],
        pair[1],
        ("MF_WS_ADAPTER_TLS_KEY_PASSWORD_FILE", &password),
    ];
    assert_eq!(load(&endpoints::WS_ADAPTER, &with).word(), "tls");
}
