use config::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kinds::{
    ClientAuth, CrlMode, CrlScope, Network, Pin, Plaintext, Profile, ProxyProtocol, ReloadOn,
    Stapling, Tickets, Version,
};

/// How an endpoint does TLS, apart from its certificate, key and CAs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Policy {
    /// Turns TLS on or off; unset, a listener has it when it has a certificate and a key, a client when it has a CA, a certificate, a server name or an order not to verify.
    pub enabled: Option<bool>,
    /// Client: takes any certificate of the server for any name; says so in the log every hour.
    pub insecure_skip_verify: bool,
    /// Client: the name to ask for and to verify instead of the host's.
    pub server_name: Option<String>,
    /// Listener: directory with further certificates, `NAME.crt` beside `NAME.key`; a client gets the one for the name it asks for (SNI), else the configured one.
    pub certs_dir: Option<String>,
    /// Listener: `none`, `optional` or `require` client certificates; unset means `require` when there is a client CA.
    pub client_auth: Option<ClientAuth>,
    /// Oldest version, `1.2` or `1.3`.
    pub min_version: Version,
    /// Newest version, `1.2` or `1.3`.
    pub max_version: Version,
    /// Cipher suites of TLS 1.2 in OpenSSL's notation; unset means those with forward secrecy and authenticated encryption.
    pub ciphers: Option<String>,
    /// Cipher suites of TLS 1.3 in OpenSSL's notation; unset means all three.
    pub ciphersuites: Option<String>,
    /// Key exchange groups in OpenSSL's notation, such as `X25519MLKEM768 / X25519:P-256`; unset means OpenSSL's, hybrid first.
    pub groups: Option<String>,
    /// Takes only key exchanges that resist quantum computers, which needs TLS 1.3.
    pub require_pq: bool,
    /// Resumption by session tickets: `auto`, `on` or `off`; `auto` is on unless client certificates are asked for.
    pub session_tickets: Tickets,
    /// Listener: how long a peer may be silent after it connected.
    pub first_byte_timeout: Period,
    /// How long a handshake may take, and how long a listener lets one wait for its turn before.
    pub handshake_timeout: Period,
    /// Listener: most connections whose handshake is not over.
    pub max_pending: usize,
    /// Listener: most handshakes under way at once; further peers wait for their turn.
    pub max_handshakes: usize,
    /// Listener: most handshakes under way from one address (IPv6: one /64); loopback and trusted proxies are exempt.
    pub max_per_ip: usize,
    /// Files with revocation lists in PEM.
    pub crl_file: Vec<String>,
    /// Revocation lists in PEM.
    pub crl_pem: Option<String>,
    /// What a missing or stale revocation list means: `hard` refuses, `soft` counts.
    pub crl_mode: CrlMode,
    /// What is looked up in the revocation lists: the whole `chain` or only the `leaf`.
    pub crl_scope: CrlScope,
    /// OCSP stapling: `off`, `auto` or `must`. A listener asks the responder of its own certificate and presents the response; with `must`, no new certificate is used without one, and clients that ask for one are refused while there is none. A client refuses a revoked server; with `must`, also one without a good response.
    pub ocsp_stapling: Stapling,
    /// SHA-256 of the public keys (SubjectPublicKeyInfo) a peer may have, on top of a good chain. From a file (`…_PINNED_SPKI_FILE`) they are read again by a reload, and open connections of clients whose key is none of them end.
    pub pinned_spki: Vec<Pin>,
    /// Names a peer's certificate may have: URIs or DNS names of its SAN, with `*` at the end for a prefix.
    pub allowed_ids: Vec<String>,
    /// Lets a chain end at a CA of the file that is not a root.
    pub partial_chain: bool,
    /// How much certificates must say: `strict`, or `legacy` for those made by the scripts of 0.9; unset means `legacy` only where names of 0.9 are used.
    pub profile: Option<Profile>,
    /// Listener: `allow` takes plaintext on the same port; the first byte decides.
    pub plaintext: Plaintext,
    /// Listener: where plaintext is taken from.
    pub plaintext_from: Vec<Network>,
    /// Listener: reads who connected from a PROXY protocol header: `off`, `v1`, `v2`, `any` or `require`.
    pub proxy_protocol: ProxyProtocol,
    /// Listener: the proxies that are believed.
    pub proxy_protocol_from: Vec<Network>,
    /// HTTP listeners for devices: the header in which a proxy that ends TLS passes on the client's certificate, as URL-escaped PEM (NGINX's `$ssl_client_escaped_cert`) or as RFC 9440 has it.
    pub forwarded_cert_header: Option<String>,
    /// HTTP listeners for devices: the proxies that are believed about it; the header is refused from everybody else.
    pub forwarded_cert_from: Vec<Network>,
    /// When changed files are read again: `watch`, `signal` or `off`.
    pub reload: ReloadOn,
    /// File with the password of an encrypted key.
    pub key_password_file: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        let network = |text: &str| text.parse::<Network>().ok();
        Self {
            enabled: None,
            insecure_skip_verify: false,
            server_name: None,
            certs_dir: None,
            client_auth: None,
            min_version: Version::V12,
            max_version: Version::V13,
            ciphers: None,
            ciphersuites: None,
            groups: None,
            require_pq: false,
            session_tickets: Tickets::Auto,
            first_byte_timeout: Period::seconds(3),
            handshake_timeout: Period::seconds(10),
            max_pending: 8192,
            max_handshakes: 512,
            max_per_ip: 32,
            crl_file: Vec::new(),
            crl_pem: None,
            crl_mode: CrlMode::Hard,
            crl_scope: CrlScope::Chain,
            ocsp_stapling: Stapling::Off,
            pinned_spki: Vec::new(),
            allowed_ids: Vec::new(),
            partial_chain: false,
            profile: None,
            plaintext: Plaintext::Refuse,
            plaintext_from: ["127.0.0.0/8", "::1/128"]
                .into_iter()
                .filter_map(network)
                .collect(),
            proxy_protocol: ProxyProtocol::Off,
            proxy_protocol_from: Vec::new(),
            forwarded_cert_header: None,
            forwarded_cert_from: Vec::new(),
            reload: ReloadOn::Watch,
            key_password_file: None,
        }
    }
}

/// Where an endpoint's certificate, key and CAs come from; per item a file beats base64, which beats PEM itself.
///
/// `config::load` is not used on it: there, a name that ends in `_FILE` means something else.
#[derive(Default, Serialize, JsonSchema)]
pub struct MaterialVariables {
    /// File with the certificate in PEM, followed by its intermediates.
    cert_pem_file: Option<String>,
    /// The same, PEM in base64; used when the file is not set.
    cert_pem_b64: Option<String>,
    /// The same, PEM itself; used when neither is set.
    cert_pem: Option<String>,
    /// File with the private key of the certificate in PEM.
    key_pem_file: Option<String>,
    /// The same, PEM in base64.
    key_pem_b64: Option<String>,
    /// The same, PEM itself.
    key_pem: Option<String>,
    /// Client: file with the CAs that sign servers; replaces the system's.
    server_ca_pem_file: Option<String>,
    /// The same, PEM in base64.
    server_ca_pem_b64: Option<String>,
    /// The same, PEM itself.
    server_ca_pem: Option<String>,
    /// Listener: file with the CAs that sign clients; asks for client certificates.
    client_ca_pem_file: Option<String>,
    /// The same, PEM in base64.
    client_ca_pem_b64: Option<String>,
    /// The same, PEM itself.
    client_ca_pem: Option<String>,
}
