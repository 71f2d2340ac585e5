use std::time::{Duration, SystemTime};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::sha::sha256;
use openssl::x509::X509Ref;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The certificate of a peer whose chain was verified; what it means is decided by who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCert {
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// The key identifier of its issuer; a serial number is unique only together with it.
    pub issuer_key_id: Option<Vec<u8>>,
    /// Its serial number, big endian.
    pub serial: Vec<u8>,
    /// The common name, if there is exactly one and it is plain text.
    pub cn: Option<String>,
    /// The URIs of its SAN.
    pub uris: Vec<String>,
    /// The DNS names of its SAN.
    pub dns: Vec<String>,
    /// The e-mail addresses of its SAN.
    pub emails: Vec<String>,
    /// When it expires.
    pub not_after: SystemTime,
}

impl PeerCert {
    /// Takes a certificate apart.
    pub(crate) fn new(cert: &X509Ref) -> Result<Self, ErrorStack> {
        let names = cert.subject_alt_names();
        let names = || names.iter().flatten();
        let texts = |text: fn(&openssl::x509::GeneralNameRef) -> Option<&str>| {
            names().filter_map(text).map(str::to_owned).collect()
        };
        Ok(Self {
            sha256: sha256(&cert.to_der()?),
            issuer_key_id: cert.authority_key_id().map(|id| id.as_slice().to_vec()),
            serial: cert.serial_number().to_bn()?.to_vec(),
            cn: common_name(cert),
            uris: texts(|name| name.uri()),
            dns: texts(|name| name.dnsname()),
            emails: texts(|name| name.email()),
            not_after: system_time(cert.not_after())?,
        })
    }

    /// Returns [`Self::sha256`] in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        hex(&self.sha256)
    }

    /// Tells whether it is past its time.
    pub fn is_expired(&self) -> bool {
        self.not_after <= SystemTime::now()
    }
}

/// Returns the SHA-256 of a certificate's SubjectPublicKeyInfo.
pub(crate) fn spki_sha256(cert: &X509Ref) -> Result<[u8; 32], ErrorStack> {
    Ok(sha256(&cert.public_key()?.public_key_to_der()?))
}

/// More than one CN, or one with NUL in it, is no name: two readers would see two names.
fn common_name(cert: &X509Ref) -> Option<String> {
    let mut names = cert.subject_name().entries_by_nid(Nid::COMMONNAME);
    let (Some(only), None) = (names.next(), names.next()) else {
        return None;
    };
    let name = only.data().to_string().ok()?;
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

/// Turns a time of a certificate into one of the system; before 1970 is 1970.
pub(crate) fn system_time(time: &Asn1TimeRef) -> Result<SystemTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Which uses a certificate states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    pub(crate) client_auth: bool,
    pub(crate) server_auth: bool,
    /// It may sign certificates, as far as it says.
    pub(crate) ca: bool,
}

impl Uses {
    /// Reads the extensions; OpenSSL takes an absent one for permission, and some callers must not.
    pub(crate) fn of(cert: &X509Ref) -> Self {
        let Ok(der) = cert.to_der() else {
            return Self::default();
        };
        let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
            return Self::default();
        };
        let extended = parsed.extended_key_usage().ok().flatten();
        let extended = extended.map(|extension| extension.value);
        // Version 1 has no extensions: its roots are recognised by having signed themselves.
        let old_root = parsed.version().0 == 0 && parsed.subject() == parsed.issuer();
        Self {
            client_auth: extended.is_some_and(|uses| uses.client_auth),
            server_auth: extended.is_some_and(|uses| uses.server_auth),
            ca: parsed.is_ca() || old_root,
        }
    }
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}
