//! Certificates, keys, CAs and revocation lists, read and checked.

mod checks;

use std::path::{Path, PathBuf};

use config::Problems;
use openssl::pkey::{PKey, Private};
use openssl::sha::Sha256;
use openssl::x509::{X509, X509Crl};
use zeroize::Zeroizing;

use crate::settings::{Pem, Settings, read_file};

/// What a generation is built from.
pub(crate) struct Loaded {
    pub(crate) identity: Option<Identity>,
    /// What the peer must chain to; for a client, `None` is the CAs of the system.
    pub(crate) cas: Option<Vec<X509>>,
    pub(crate) crls: Vec<X509Crl>,
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
        let identity = reader.identity();
        let cas = settings.material.ca.as_ref().and_then(|ca| reader.cas(ca));
        let crls = reader.crls(cas.as_deref().unwrap_or_default());
        let Reader {
            warnings, digest, ..
        } = reader;
        (*problems == before).then(|| Self {
            identity,
            cas,
            crls,
            warnings,
            digest: digest.finish(),
        })
    }
}

/// Returns every file an endpoint reads.
pub(crate) fn files(settings: &Settings) -> Vec<PathBuf> {
    let pems = settings.material.pems().filter_map(Pem::path);
    let policy = &settings.policy;
    let lists = policy.crl_file.iter().chain(&policy.key_password_file);
    pems.map(Path::to_owned)
        .chain(lists.map(PathBuf::from))
        .collect()
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
        let settings = self.settings;
        let (cert, key) = settings
            .material
            .cert
            .as_ref()
            .zip(settings.material.key.as_ref())?;
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
