//! Certificates, keys, CAs and revocation lists, read and checked.

mod checks;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use config::Problems;
use openssl::pkey::{PKey, Private};
use openssl::sha::Sha256;
use openssl::x509::{X509, X509Crl, X509Ref};
use zeroize::Zeroizing;

use crate::settings::{Autocert, Pem, Pin, PinsFile, Settings, Stapling, read_file};

/// What a generation is built from.
pub(crate) struct Loaded {
    pub(crate) identity: Option<Identity>,
    /// Certificates for clients that ask for one of their names.
    pub(crate) further: Vec<Identity>,
    /// What the peer must chain to; for a client, `None` is the CAs of the system.
    pub(crate) cas: Option<Vec<X509>>,
    pub(crate) crls: Vec<X509Crl>,
    /// The public keys a peer may have; without any, all of them.
    pub(crate) pins: Vec<Pin>,
    /// What an operator should know.
    pub(crate) warnings: Vec<String>,
    /// Tells whether anything changed since another reading.
    pub(crate) digest: [u8; 32],
}

/// A certificate, its intermediates and its key.
pub(crate) struct Identity {
    pub(crate) leaf: X509,
    pub(crate) intermediates: Vec<X509>,
    pub(crate) key: PKey<Private>,
}

/// One reading: the digest grows with everything that is read.
struct Reader<'a> {
    settings: &'a Settings,
    problems: &'a mut Problems,
    warnings: Vec<String>,
    digest: Sha256,
}

impl Loaded {
    /// Reads and checks everything an endpoint names; every mistake goes to `problems`.
    pub(crate) fn read(settings: &Settings, problems: &mut Problems) -> Option<Self> {
        let before = problems.clone();
        let mut reader = Reader {
            settings,
            problems,
            warnings: Vec::new(),
            digest: Sha256::new(),
        };
        let (identity, further) = match &settings.autocert {
            Some(autocert) => reader.stored(autocert),
            None => (reader.identity(), reader.further()),
        };
        let cas = settings.material.ca.as_ref().and_then(|ca| reader.cas(ca));
        let crls = reader.crls(cas.as_deref().unwrap_or_default());
        let pins = reader.pins();
        let Reader {
            warnings, digest, ..
        } = reader;
        (*problems == before).then(|| Self {
            identity,
            further,
            cas,
            crls,
            pins,
            warnings,
            digest: digest.finish(),
        })
    }

    /// Returns all certificates of our own.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.identity.iter().chain(&self.further)
    }
}

/// Returns every directory in which an endpoint reads files.
pub(crate) fn directories(settings: &Settings) -> BTreeSet<PathBuf> {
    let pems = settings.material.pems().filter_map(Pem::path);
    let policy = &settings.policy;
    let lists = policy.crl_file.iter().chain(&policy.key_password_file);
    let pins = settings.pins.iter().map(PinsFile::path);
    let cache = settings.autocert.as_ref();
    let cache = cache.and_then(|autocert| autocert.autocert_cache_dir.as_ref());
    pems.chain(lists.map(Path::new))
        .chain(pins)
        .map(|file| match file.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        })
        .chain(policy.certs_dir.iter().chain(cache).map(PathBuf::from))
        .collect()
}

/// Returns the DNS names of a certificate, in lower case.
pub(crate) fn names(cert: &X509Ref) -> Vec<String> {
    let names = cert.subject_alt_names();
    let names = names.iter().flatten();
    names
        .filter_map(|name| name.dnsname().map(str::to_ascii_lowercase))
        .collect()
}

/// Takes apart what is stored of a certificate that a CA issued for a host; the error says why it is of no use.
pub(crate) fn stored(text: &[u8], host: &str) -> Result<Identity, String> {
    let broken = |what| move |_| format!("it holds no {what} in PEM");
    let chain = X509::stack_from_pem(text).map_err(broken("certificate"))?;
    let mut chain = chain.into_iter();
    let identity = Identity {
        leaf: chain.next().ok_or("it holds no certificate in PEM")?,
        intermediates: chain.collect(),
        // Without a callback OpenSSL would ask the terminal for a password.
        key: PKey::private_key_from_pem_callback(text, |_| Ok(0)).map_err(broken("key"))?,
    };
    if !checks::is_pair(&identity) {
        return Err("its key is not that of its certificate".to_owned());
    }
    if checks::is_expired(&identity.leaf) {
        return Err(format!("it expired at {}", identity.leaf.not_after()));
    }
    if !names(&identity.leaf).iter().any(|name| name == host) {
        return Err(format!("it is not for {host}"));
    }
    Ok(identity)
}

impl Reader<'_> {
    fn text(&mut self, pem: &Pem) -> Option<Zeroizing<Vec<u8>>> {
        match pem.read() {
            Ok(text) => {
                self.digest.update(&text);
                Some(text)
            }
            Err(reason) => {
                self.problems.push(pem.variable(), reason);
                None
            }
        }
    }

    fn certificates(&mut self, pem: &Pem) -> Option<Vec<X509>> {
        let text = self.text(pem)?;
        match X509::stack_from_pem(&text) {
            Ok(certificates) if !certificates.is_empty() => Some(certificates),
            Ok(_) | Err(_) => {
                self.problems
                    .push(pem.variable(), "holds no certificate in PEM");
                None
            }
        }
    }

    fn identity(&mut self) -> Option<Identity> {
        let material = &self.settings.material;
        let (cert, key) = material.cert.as_ref().zip(material.key.as_ref())?;
        self.pair(cert, key)
    }

    /// Reads the pairs of the directory.
    fn further(&mut self) -> Vec<Identity> {
        let Some(directory) = &self.settings.policy.certs_dir else {
            return Vec::new();
        };
        let variable = self.settings.endpoint.variable("CERTS_DIR");
        let certs = match certificates_in(directory) {
            Ok(certs) => certs,
            Err(error) => {
                let reason = format!("cannot be read, {directory}: {error}");
                self.problems.push(variable, reason);
                return Vec::new();
            }
        };
        let named = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Pem::file(&format!("{variable} ({name})"), path)
        };
        certs
            .iter()
            .filter_map(|cert| self.pair(&named(cert), &named(&cert.with_extension("key"))))
            .collect()
    }

    /// Reads what a CA has issued; what is missing or of no use will be issued again.
    fn stored(&mut self, autocert: &Autocert) -> (Option<Identity>, Vec<Identity>) {
        let (mut default, mut further) = (None, Vec::new());
        for host in &autocert.autocert_host_whitelist {
            let path = autocert.stored(host);
            if !path.exists() {
                continue;
            }
            let read = read_file(&path).and_then(|text| Ok((stored(&text, host)?, text)));
            match read {
                Ok((identity, text)) => {
                    self.digest.update(&text);
                    if autocert.default_host() == Some(host) {
                        default = Some(identity);
                    } else {
                        further.push(identity);
                    }
                }
                Err(reason) => {
                    let warning = format!("{} is not used: {reason}", path.display());
                    self.warnings.push(warning);
                }
            }
        }
        (default, further)
    }

    fn pair(&mut self, cert: &Pem, key: &Pem) -> Option<Identity> {
        let settings = self.settings;
        let chain = self.certificates(cert);
        let private = self.key(key);
        let mut chain = chain?.into_iter();
        let identity = Identity {
            leaf: chain.next()?,
            intermediates: chain.collect(),
            key: private?,
        };
        let role = settings.endpoint.role;
        checks::pair(&identity, cert, key, self.problems);
        self.warnings
            .extend(checks::leaf(&identity.leaf, role, cert));
        self.warnings.extend(key.path().and_then(checks::key_mode));
        let unstaplable = checks::responder(&identity, role, settings.policy.ocsp_stapling);
        match (unstaplable, settings.policy.ocsp_stapling) {
            (Some(reason), Stapling::Must) => self.problems.push(cert.variable(), reason),
            (Some(reason), _) => self.warnings.push(format!("{} {reason}", cert.variable())),
            (None, _) => {}
        }
        Some(identity)
    }

    /// Reads a key; without the password of an encrypted one OpenSSL would ask the terminal.
    fn key(&mut self, pem: &Pem) -> Option<PKey<Private>> {
        let text = self.text(pem)?;
        let password = match &self.settings.policy.key_password_file {
            Some(path) => self.file(path, "KEY_PASSWORD_FILE")?,
            None => Zeroizing::default(),
        };
        let password = password.trim_ascii_end();
        let give = |buffer: &mut [u8]| {
            let length = password.len().min(buffer.len());
            buffer[..length].copy_from_slice(&password[..length]);
            Ok(length)
        };
        let key = PKey::private_key_from_pem_callback(&text, give);
        if key.is_err() {
            self.problems.push(
                pem.variable(),
                "holds no private key in PEM, or an encrypted one whose password is missing or wrong",
            );
        }
        key.ok()
    }

    fn cas(&mut self, pem: &Pem) -> Option<Vec<X509>> {
        let cas = self.certificates(pem)?;
        checks::cas(&cas, pem, self.settings.policy.partial_chain, self.problems);
        Some(cas)
    }

    fn crls(&mut self, cas: &[X509]) -> Vec<X509Crl> {
        let settings = self.settings;
        let (file, inline) = (
            settings.endpoint.variable("CRL_FILE"),
            settings.endpoint.variable("CRL_PEM"),
        );
        let mut texts = Vec::new();
        for path in &settings.policy.crl_file {
            let text = self.file(path, "CRL_FILE");
            texts.extend(text.map(|text| (&file, format!(" ({path})"), text)));
        }
        if let Some(text) = &settings.policy.crl_pem {
            self.digest.update(text.as_bytes());
            let text = Zeroizing::new(text.as_bytes().to_vec());
            texts.push((&inline, String::new(), text));
        }
        let mut crls = Vec::new();
        for (name, which, text) in texts {
            match checks::crls(&text, cas) {
                Ok((lists, stale)) => {
                    crls.extend(lists);
                    self.warnings
                        .extend(stale.map(|reason| format!("{name} {reason}{which}")));
                }
                Err(reason) => self.problems.push(name, format!("{reason}{which}")),
            }
        }
        crls
    }

    fn pins(&mut self) -> Vec<Pin> {
        let pins = match &self.settings.pins {
            Some(file) => file.read(self.problems),
            None => self.settings.policy.pinned_spki.clone(),
        };
        for pin in &pins {
            self.digest.update(&pin.0);
        }
        pins
    }

    fn file(&mut self, path: &str, field: &str) -> Option<Zeroizing<Vec<u8>>> {
        match read_file(Path::new(path)) {
            Ok(text) => {
                self.digest.update(&text);
                Some(text)
            }
            Err(reason) => {
                self.problems
                    .push(self.settings.endpoint.variable(field), reason);
                None
            }
        }
    }
}

/// Returns the certificates of a directory, in the order of their names.
fn certificates_in(directory: &str) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "crt") {
            found.insert(path);
        }
    }
    Ok(found)
}
