//! The folder of certificates: which ones there have to be, and making those that are missing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use openssl::asn1::Asn1Time;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::authority::{Authority, Name, Request, new_key};
use super::deliver::{Owner, write_new};

/// The roles that serve each other or call each other.
const SERVICES: [&str; 7] = [
    "users",
    "things",
    "http-adapter",
    "ws-adapter",
    "mqtt-adapter",
    "writer",
    "reader",
];
/// The certificate that devices and people see.
pub(super) const SERVER: &str = "mainflux-server";
/// When to tell that a certificate will end, in days.
const SOON: u32 = 30;

/// Everything there has to be beside the CA.
pub(super) struct Names(Vec<Request>);

impl Names {
    /// Returns what a composition needs whose server has this name.
    pub(super) fn new(server: &str) -> anyhow::Result<Self> {
        if server.is_empty()
            || !server
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte))
        {
            bail!("'{server}' is no name of a server, such as iot.example.com");
        }
        let mut all = vec![request(SERVER, server, &[], false)];
        for service in SERVICES {
            let mut request = request(&format!("service-{service}"), service, &[], true);
            request
                .names
                .push(Name::Uri(format!("spiffe://ferroflux/svc/{service}")));
            all.push(request);
        }
        all.push(request(
            "postgres",
            "postgres",
            &["users-db", "things-db", "messages-db"],
            false,
        ));
        // NATS servers also call each other.
        all.push(request(
            "nats",
            "nats",
            &["nats-1", "nats-2", "nats-3"],
            true,
        ));
        Ok(Self(all))
    }
}

fn request(file: &str, name: &str, more: &[&str], is_client: bool) -> Request {
    let mut hosts = vec![name];
    hosts.extend(more);
    if name != "localhost" {
        hosts.push("localhost");
    }
    let hosts = hosts.into_iter().map(|host| Name::Dns(host.to_owned()));
    Request {
        file: file.to_owned(),
        common_name: name.to_owned(),
        names: hosts
            .chain([Name::Ip("127.0.0.1"), Name::Ip("::1")])
            .collect(),
        is_client,
    }
}

/// Makes what is missing and returns a line for each, and for what will end soon.
///
/// Without the CA's key nothing can be signed: then only the server's certificate has to be there, and who needs another
/// one says so itself.
pub(super) fn complete(dir: &Path, names: &Names) -> anyhow::Result<Vec<String>> {
    let folder = Folder::open(dir)?;
    let mut told = Vec::new();
    let authority = folder.authority(&mut told)?;
    for request in &names.0 {
        if folder.has(&request.file)? {
            told.extend(folder.ends_soon(&request.file)?);
            continue;
        }
        match &authority {
            Some(authority) => {
                let key = folder.key(&request.file)?;
                let certificate = authority.sign(request, &key)?;
                folder.write(&request.file, "crt", &certificate.to_pem()?, 0o644)?;
                told.push(format!(
                    "{} made",
                    folder.path(&request.file, "crt").display()
                ));
            }
            None if request.file == SERVER => bail!(
                "{} is missing, and there is no ca.key to sign one with: put certificate and key of the server there",
                folder.path(SERVER, "crt").display()
            ),
            None => told.push(format!(
                "{} is missing, and there is no ca.key to sign it with",
                folder.path(&request.file, "crt").display()
            )),
        }
    }
    Ok(told)
}

/// Where the certificates are, and who is to own them: whoever owns the folder around them.
struct Folder {
    dir: PathBuf,
    owner: Owner,
}

impl Folder {
    fn open(dir: &Path) -> anyhow::Result<Self> {
        let owner = Owner::create(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            owner,
        })
    }

    fn path(&self, name: &str, kind: &str) -> PathBuf {
        self.dir.join(format!("{name}.{kind}"))
    }

    /// Tells whether a certificate is there, which must have its key.
    fn has(&self, name: &str) -> anyhow::Result<bool> {
        let (crt, key) = (self.path(name, "crt"), self.path(name, "key"));
        match (crt.try_exists()?, key.try_exists()?) {
            (true, false) => bail!(
                "{} is there, but its key {} is not",
                crt.display(),
                key.display()
            ),
            (found, _) => Ok(found),
        }
    }

    /// Opens the CA, or makes one; a CA whose key is elsewhere signs nothing here.
    fn authority(&self, told: &mut Vec<String>) -> anyhow::Result<Option<Authority>> {
        let (crt, key) = (self.path("ca", "crt"), self.path("ca", "key"));
        if !crt.try_exists()? {
            let authority = Authority::create(self.key("ca")?)?;
            self.write("ca", "crt", &authority.certificate.to_pem()?, 0o644)?;
            told.push(format!("{} made", crt.display()));
            return Ok(Some(authority));
        }
        told.extend(self.ends_soon("ca")?);
        if !key.try_exists()? {
            return Ok(None);
        }
        Authority::open(self.certificate("ca")?, self.key("ca")?).map(Some)
    }

    /// Reads a key, or makes one.
    fn key(&self, name: &str) -> anyhow::Result<PKey<Private>> {
        let path = self.path(name, "key");
        if path.try_exists()? {
            let pem = read(&path)?;
            return PKey::private_key_from_pem_passphrase(&pem, b"").with_context(|| {
                format!("{} holds no key in PEM without a password", path.display())
            });
        }
        let key = new_key().context("cannot make a key")?;
        self.write(name, "key", &key.private_key_to_pem_pkcs8()?, 0o600)?;
        Ok(key)
    }

    fn certificate(&self, name: &str) -> anyhow::Result<X509> {
        let path = self.path(name, "crt");
        X509::from_pem(&read(&path)?)
            .with_context(|| format!("{} holds no certificate in PEM", path.display()))
    }

    fn ends_soon(&self, name: &str) -> anyhow::Result<Option<String>> {
        let certificate = self.certificate(name)?;
        let end = certificate.not_after();
        let soon = Asn1Time::days_from_now(SOON)?;
        let path = self.path(name, "crt");
        Ok((end < soon).then(|| format!("{} ends on {end}: renew it", path.display())))
    }

    fn write(&self, name: &str, kind: &str, content: &[u8], mode: u32) -> anyhow::Result<()> {
        write_new(&self.path(name, kind), content, mode, self.owner)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
