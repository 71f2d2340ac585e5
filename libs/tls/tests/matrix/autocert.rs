//! What an operator can say wrong about automatic certificates.

use crate::site::settings;
use crate::stage::{Fields, WORLD};

/// Each change to a good configuration must be refused, with the name of the variable and the reason.
fn refuse(cases: &[(Fields<'_>, &str)]) {
    let good = [
        ("AUTOCERT", "true"),
        ("AUTOCERT_HOST_WHITELIST", "a.example"),
        ("AUTOCERT_CACHE_DIR", "/nowhere/yet"),
    ];
    assert!(settings(&good).unwrap().is_enabled());
    for (changed, expected) in cases {
        let kept = |field: &&(&str, &str)| changed.iter().all(|(name, _)| *name != field.0);
        let fields: Vec<_> = good.iter().filter(kept).chain(*changed).copied().collect();
        let error = settings(&fields).err().unwrap();
        let expected = format!("MF_WS_ADAPTER_TLS_{expected}");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn what_is_missing_or_contradicts_itself() {
    let (cert, key) = (WORLD.server.pem(), WORLD.server.key_pem());
    refuse(&[
        (
            &[("AUTOCERT_HOST_WHITELIST", "")],
            "AUTOCERT_HOST_WHITELIST is not set",
        ),
        (
            &[("AUTOCERT_CACHE_DIR", "")],
            "AUTOCERT_CACHE_DIR is not set",
        ),
        (
            &[("AUTOCERT_SERVER_NAME", "b.example")],
            "AUTOCERT_SERVER_NAME is not in MF_WS_ADAPTER_TLS_AUTOCERT_HOST_WHITELIST",
        ),
        (
            &[("AUTOCERT_EAB_KID", "kid")],
            "AUTOCERT_EAB_HMAC is not set",
        ),
        (
            &[("AUTOCERT_EAB_HMAC", "a2V5")],
            "AUTOCERT_EAB_KID is not set",
        ),
        (
            &[("CERT_PEM", &cert), ("KEY_PEM", &key)],
            "AUTOCERT contradicts MF_WS_ADAPTER_TLS_CERT_PEM",
        ),
        (
            &[("CERTS_DIR", "/tmp")],
            "AUTOCERT contradicts MF_WS_ADAPTER_TLS_CERTS_DIR",
        ),
    ]);
}

#[test]
fn what_is_not_what_it_should_be() {
    refuse(&[
        (
            &[("AUTOCERT_HOST_WHITELIST", "*.example")],
            "AUTOCERT_HOST_WHITELIST holds '*.example'",
        ),
        (
            &[("AUTOCERT_CACHE_DIR", "/dev/null")],
            "AUTOCERT_CACHE_DIR is no directory",
        ),
        (
            &[("AUTOCERT_HTTP_ADDR", "80")],
            "AUTOCERT_HTTP_ADDR is no address",
        ),
        (
            &[("AUTOCERT_DIRECTORY_URL", "http://ca/dir")],
            "AUTOCERT_DIRECTORY_URL is no URL that starts with https://",
        ),
        (
            &[("AUTOCERT_CA_PEM_FILE", "/nowhere")],
            "AUTOCERT_CA_PEM_FILE cannot be read",
        ),
        (
            &[("AUTOCERT_CA_PEM_FILE", "/dev/null")],
            "AUTOCERT_CA_PEM_FILE holds no certificate",
        ),
        (
            &[("AUTOCERT_EAB_KID", "kid"), ("AUTOCERT_EAB_HMAC", "?")],
            "AUTOCERT_EAB_HMAC is not base64",
        ),
    ]);
}

#[test]
fn the_key_of_an_account_can_be_in_a_file_and_is_not_printed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "c2VjcmV0\n").unwrap();
    let settings = settings(&[
        ("AUTOCERT", "true"),
        ("AUTOCERT_HOST_WHITELIST", "a.example"),
        ("AUTOCERT_CACHE_DIR", "/nowhere/yet"),
        ("AUTOCERT_EAB_KID", "kid"),
        ("AUTOCERT_EAB_HMAC_FILE", file.path().to_str().unwrap()),
    ]);
    let printed = format!("{:?}", settings.unwrap());
    assert!(!printed.contains("c2VjcmV0"), "{printed}");
}
