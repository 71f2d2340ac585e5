//! Certificates that a listener gets by itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::Problems;
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::object::{Material, Object};
use super::pem::Pem;
use super::policy_load::Named;
use super::{ClientAuth, Endpoint, Policy, Profile, Role, Settings};
use crate::material::Loaded;

/// How a listener gets its certificates by itself, from a CA that speaks ACME.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Autocert {
    /// Gets the certificates from a CA, instead of by `CERT_PEM_*` and `KEY_PEM_*`.
    pub autocert: bool,
    /// The names that certificates are got for, and no others; must be set.
    pub autocert_host_whitelist: Vec<String>,
    /// Directory that keeps the account at the CA, the keys and the certificates; must be set. Processes may share it.
    pub autocert_cache_dir: Option<String>,
    /// E-mail address for the CA to send word of problems to.
    pub autocert_email: Option<String>,
    /// The name whose certificate clients get that ask for none (SNI); unset means the first of the whitelist.
    pub autocert_server_name: Option<String>,
    /// Lets the CA check the names over HTTP (http-01); unset means over TLS on the listener itself (tls-alpn-01), which the CA has to reach on port 443.
    pub autocert_http: bool,
    /// Where the checks over HTTP are answered; the CA has to reach it on port 80.
    pub autocert_http_addr: String,
    /// Makes RSA keys of 2048 bits, for old clients; unset means ECDSA on P-256.
    pub autocert_force_rsa: bool,
    /// Directory of the CA; unset means Let's Encrypt, whose terms are agreed to by using it.
    pub autocert_directory_url: String,
    /// File with the CAs that sign the server of a private CA; replaces the system's.
    pub autocert_ca_pem_file: Option<String>,
    /// Identifier of the account that the CA gave out beforehand (external account binding).
    pub autocert_eab_kid: Option<String>,
    /// Its key, in base64 for URLs.
    pub autocert_eab_hmac: Secret,
}

impl Default for Autocert {
    fn default() -> Self {
        Self {
            autocert: false,
            autocert_host_whitelist: Vec::new(),
            autocert_cache_dir: None,
            autocert_email: None,
            autocert_server_name: None,
            autocert_http: false,
            autocert_http_addr: ":80".to_owned(),
            autocert_force_rsa: false,
            autocert_directory_url: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            autocert_ca_pem_file: None,
            autocert_eab_kid: None,
            autocert_eab_hmac: Secret::default(),
        }
    }
}

/// The connections to a CA.
const CA: Endpoint = Endpoint {
    name: "acme",
    role: Role::Client,
    prefixes: &[],
    legacy: &[],
};

impl Autocert {
    /// Returns the file with the key and the certificate of a host.
    pub(crate) fn stored(&self, host: &str) -> PathBuf {
        let directory = self.autocert_cache_dir.as_deref().unwrap_or_default();
        Path::new(directory).join(format!("{host}.pem"))
    }

    /// Returns the host whose certificate clients get that ask for none.
    pub(crate) fn default_host(&self) -> Option<&str> {
        let first = self.autocert_host_whitelist.first();
        self.autocert_server_name
            .as_deref()
            .or(first.map(String::as_str))
    }

    /// Returns where checks over HTTP are answered, if they are.
    pub(crate) fn http_address(&self) -> Option<SocketAddr> {
        self.autocert_http.then(|| self.parse_address())?
    }

    /// As in Go, an address without a host is any of this machine's.
    fn parse_address(&self) -> Option<SocketAddr> {
        let text = &self.autocert_http_addr;
        match text.strip_prefix(':') {
            Some(port) => Some((Ipv4Addr::UNSPECIFIED, port.parse().ok()?).into()),
            None => text.parse().ok(),
        }
    }

    /// Returns the identifier and the key that the CA gave out beforehand.
    pub(crate) fn external_account(&self) -> Result<Option<(String, Vec<u8>)>, &'static str> {
        let Some(id) = &self.autocert_eab_kid else {
            return Ok(None);
        };
        let key = self.autocert_eab_hmac.expose().trim_end_matches('=');
        let key = URL_SAFE_NO_PAD.decode(key);
        Ok(Some((
            id.clone(),
            key.map_err(|_| "is not base64 for URLs")?,
        )))
    }

    /// Returns the settings of the connections to the CA.
    pub(crate) fn ca_client(&self) -> Settings {
        self.ca_client_named("AUTOCERT_CA_PEM_FILE")
    }

    fn ca_client_named(&self, variable: &str) -> Settings {
        let ca = self.autocert_ca_pem_file.as_ref();
        Settings {
            endpoint: CA,
            policy: Policy::default(),
            autocert: None,
            material: Material {
                ca: ca.map(|path| Pem::file(variable, path)),
                ..Material::default()
            },
            pins: None,
            enabled: true,
            client_auth: ClientAuth::None,
            profile: Profile::Strict,
        }
    }
}

/// Makes names comparable, as they are the same in any case.
pub(super) fn normalise(autocert: &mut Autocert) {
    let names = autocert.autocert_host_whitelist.iter_mut();
    for name in names.chain(&mut autocert.autocert_server_name) {
        name.make_ascii_lowercase();
    }
}

/// Checks what must be there and fit together before anybody is asked for a certificate.
pub(super) fn check(named: &Named, object: &Object, problems: &mut Problems) {
    let autocert = &named.autocert;
    let mut wrong = |field: &str, reason: String| problems.push(named.variable(field), reason);
    if let Some(pem) = object
        .material
        .cert
        .as_ref()
        .or(object.material.key.as_ref())
    {
        let reason = format!("contradicts {}; unset one", pem.variable());
        wrong("AUTOCERT", reason);
    }
    if named.policy.certs_dir.is_some() {
        let reason = format!("contradicts {}; unset one", named.variable("CERTS_DIR"));
        wrong("AUTOCERT", reason);
    }
    let hosts = &autocert.autocert_host_whitelist;
    if hosts.is_empty() {
        let reason = "is not set; name the hosts that certificates may be got for".to_owned();
        wrong("AUTOCERT_HOST_WHITELIST", reason);
    }
    for host in hosts.iter().filter(|host| !is_host(host)) {
        let reason = format!("holds '{host}', which is no name of a host");
        wrong("AUTOCERT_HOST_WHITELIST", reason);
    }
    if let Some(name) = &autocert.autocert_server_name
        && !hosts.contains(name)
    {
        let reason = format!("is not in {}", named.variable("AUTOCERT_HOST_WHITELIST"));
        wrong("AUTOCERT_SERVER_NAME", reason);
    }
    match autocert.autocert_cache_dir.as_deref().map(Path::new) {
        None => {
            let reason = "is not set; without it, each start would ask for new certificates";
            wrong("AUTOCERT_CACHE_DIR", reason.to_owned());
        }
        Some(path) if path.exists() && !path.is_dir() => {
            wrong("AUTOCERT_CACHE_DIR", "is no directory".to_owned());
        }
        Some(_) => {}
    }
    if autocert.parse_address().is_none() {
        let reason = "is no address; write :80 or 10.0.0.1:80".to_owned();
        wrong("AUTOCERT_HTTP_ADDR", reason);
    }
    check_ca(named, problems);
}

fn check_ca(named: &Named, problems: &mut Problems) {
    let autocert = &named.autocert;
    let url = autocert.autocert_directory_url.parse::<http::Uri>();
    let secure = url.is_ok_and(|url| url.scheme_str() == Some("https") && url.host().is_some());
    if !secure {
        let variable = named.variable("AUTOCERT_DIRECTORY_URL");
        problems.push(variable, "is no URL that starts with https://");
    }
    let (kid, hmac) = (
        named.variable("AUTOCERT_EAB_KID"),
        named.variable("AUTOCERT_EAB_HMAC"),
    );
    let has_key = !autocert.autocert_eab_hmac.is_empty();
    match (autocert.external_account(), has_key) {
        (Ok(None), true) => problems.push(kid, format!("is not set, but {hmac} is")),
        (Ok(Some(_)), false) => problems.push(hmac, format!("is not set, but {kid} is")),
        (Err(reason), _) => problems.push(hmac, reason),
        (Ok(_), _) => {}
    }
    // Reads the CAs, and names the variable if they are of no use.
    let client = autocert.ca_client_named(&named.variable("AUTOCERT_CA_PEM_FILE"));
    Loaded::read(&client, problems);
}

/// Names go into certificates and into the names of files; a wildcard cannot be checked over HTTP or TLS.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    name.len() <= 253 && !is_address && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{Autocert, is_host};

    #[test]
    fn hosts_are_names_and_nothing_else() {
        for good in [
            "example.com",
            "a-1.b.example",
            "localhost",
            "xn--bcher-kva.example",
        ] {
            assert!(is_host(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "",
            ".",
            "a..b",
            "*.example.com",
            "../x",
            "a/b",
            "a_b",
            "10.0.0.1",
            "bücher",
            &long,
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_are_as_in_go() {
        let address = |text: &str| {
            let autocert = Autocert {
                autocert_http: true,
                autocert_http_addr: text.to_owned(),
                ..Autocert::default()
            };
            autocert.http_address().map(|address| address.to_string())
        };
        assert_eq!(address(":80").as_deref(), Some("0.0.0.0:80"));
        assert_eq!(address("[::1]:8080").as_deref(), Some("[::1]:8080"));
        assert_eq!(address("80"), None);
        assert_eq!(Autocert::default().http_address(), None);
    }
}
