use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{GeneralNameRef, X509, X509StoreContext};

use super::make;
use crate::cli::InitOptions;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn make(&self) -> Result<Vec<String>, String> {
        let options = InitOptions {
            certs: self.path("certs"),
            keys: self.path("keys"),
            name: "iot.example.com".to_owned(),
            users: false,
            nats_data: Vec::new(),
        };
        make(&options).map_err(|error| format!("{error:#}"))
    }

    fn certificate(&self, name: &str) -> X509 {
        X509::from_pem(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

fn names(certificate: &X509) -> BTreeSet<String> {
    let text = |name: &GeneralNameRef| name.dnsname().or(name.uri()).map(str::to_owned);
    let names = certificate.subject_alt_names().unwrap();
    names.iter().filter_map(text).collect()
}

/// Returns every file below a folder with its content and mode.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>, u32)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            all.push((path.clone(), fs::read(&path).unwrap(), mode));
        }
    }
    all.sort();
    all
}

#[test]
fn what_is_made_is_of_one_authority_and_stays() {
    let place = Place::new();
    let told = place.make().unwrap();
    assert_eq!(told.len(), 11, "{told:?}");
    let ca = place.certificate("certs/ca.crt");
    for name in ["mainflux-server", "service-things", "postgres", "nats"] {
        let certificate = place.certificate(&format!("certs/{name}.crt"));
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(ca.clone()).unwrap();
        let (store, chain) = (store.build(), Stack::new().unwrap());
        let mut context = X509StoreContext::new().unwrap();
        let good = context.init(&store, &certificate, &chain, |context| {
            context.verify_cert()
        });
        assert!(good.unwrap(), "{name}");
        let key = fs::read(place.path(&format!("certs/{name}.key"))).unwrap();
        let key = PKey::private_key_from_pem(&key).unwrap();
        assert!(certificate.public_key().unwrap().public_eq(&key), "{name}");
    }
    let server = names(&place.certificate("certs/mainflux-server.crt"));
    assert!(server.contains("iot.example.com") && server.contains("localhost"));
    let things = names(&place.certificate("certs/service-things.crt"));
    assert!(things.contains("things") && things.contains("spiffe://ferroflux/svc/things"));
    let before = contents(place.dir.path());
    assert_eq!(place.make().unwrap(), Vec::<String>::new());
    assert_eq!(contents(place.dir.path()), before);
}

/// Returns the standard output of a program that succeeds.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn makefile(certs: &Path) {
    let ssl = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ssl");
    let location = format!("CRT_LOCATION={}", certs.display());
    let mut make = Command::new("make");
    output(make.args(["-s", "-C", ssl, "all", "CN=iot.example.com", &location]));
}

/// Returns what OpenSSL says of each certificate in a folder, but for keys and times.
fn descriptions(certs: &Path) -> BTreeMap<PathBuf, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    let files = contents(certs).into_iter().map(|(path, ..)| path);
    for path in files.filter(|path| path.extension().is_some_and(|kind| kind == "crt")) {
        let extensions = "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName";
        let mut x509 = Command::new("openssl");
        x509.args(["x509", "-noout", "-subject", "-issuer", "-ext", extensions]);
        let told = output(x509.arg("-in").arg(&path));
        let words = told.split([',', '\n']).map(|word| word.trim().to_owned());
        all.insert(
            path.strip_prefix(certs).unwrap().to_owned(),
            words.collect(),
        );
    }
    all
}

#[test]
fn the_makefile_makes_the_same_and_takes_what_is_there() {
    let place = Place::new();
    place.make().unwrap();
    let (ours, theirs) = (place.path("certs"), place.path("other"));
    let described = descriptions(&ours);
    assert_eq!(described.len(), 11);
    makefile(&theirs);
    assert_eq!(descriptions(&theirs), described);
    let crt = |name: &str| fs::read(ours.join(name).with_extension("crt")).unwrap();
    let before = crt("nats");
    fs::remove_file(ours.join("postgres.crt")).unwrap();
    makefile(&ours);
    assert_eq!(descriptions(&ours), described);
    assert_eq!(crt("nats"), before);
    assert_eq!(place.make().unwrap(), Vec::<String>::new());
}

#[test]
fn each_service_gets_its_own_and_nothing_of_others() {
    let place = Place::new();
    place.make().unwrap();
    let files = |service: &str| {
        let all = contents(&place.path("keys").join(service));
        let names = all
            .iter()
            .map(|(path, ..)| path.file_name().unwrap().to_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let owner = "ca.crt db-password nats-url own.crt own.key secret";
    assert_eq!(
        (files("users"), files("things")),
        (owner.to_owned(), owner.to_owned())
    );
    assert_eq!(files("http-adapter"), "ca.crt nats-url own.crt own.key");
    assert_eq!(
        files("mqtt-adapter"),
        "ca.crt nats-url own.crt own.key server.crt server.key"
    );
    assert_eq!(files("things-db"), "ca.crt own.crt own.key password");
    assert_eq!(files("nats"), "ca.crt login.conf own.crt own.key");
    assert_eq!(files("nginx"), "ca.crt server.crt server.key");
    let read = |path: &str| fs::read_to_string(place.path("keys").join(path)).unwrap();
    assert_eq!(read("users/db-password"), read("users-db/password"));
    assert_ne!(read("users/secret"), read("things/secret"));
    for (path, _, mode) in contents(&place.path("keys")) {
        assert_eq!(mode & 0o007, 0, "{} is open to all", path.display());
    }
}

#[test]
fn a_renewed_certificate_is_handed_out() {
    let place = Place::new();
    place.make().unwrap();
    let (ours, theirs) = (
        place.path("certs/mainflux-server.crt"),
        place.path("keys/nginx/server.crt"),
    );
    let before = fs::read(&theirs).unwrap();
    fs::remove_file(&ours).unwrap();
    place.make().unwrap();
    assert_ne!(fs::read(&theirs).unwrap(), before);
    assert_eq!(fs::read(&theirs).unwrap(), fs::read(&ours).unwrap());
}

#[test]
fn a_ca_from_elsewhere_signs_nothing_here() {
    let place = Place::new();
    place.make().unwrap();
    for name in ["ca.key", "nats.crt"] {
        fs::remove_file(place.path("certs").join(name)).unwrap();
    }
    let told = place.make().unwrap().join("\n");
    assert!(told.contains("nats.crt is missing"), "{told}");
    fs::remove_file(place.path("certs/mainflux-server.crt")).unwrap();
    let told = place.make().unwrap_err();
    assert!(told.contains("mainflux-server.crt is missing"), "{told}");
    assert!(!place.path("certs/ca.key").exists());
}

#[test]
fn what_does_not_fit_together_is_refused_and_kept() {
    for (file, content, reason) in [
        ("ca.key", None, "is not the key of ca.crt"),
        ("nats.key", Some(""), "its key"),
        ("ca.crt", Some("nonsense"), "no certificate in PEM"),
    ] {
        let place = Place::new();
        place.make().unwrap();
        let path = place.path("certs").join(file);
        match content {
            None => drop(fs::copy(place.path("certs/nats.key"), &path).unwrap()),
            Some("") => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        let before = contents(place.dir.path());
        let told = place.make().unwrap_err();
        assert!(told.contains(reason), "{file}: {told}");
        assert_eq!(contents(place.dir.path()), before);
    }
}

#[test]
fn a_leaked_secret_stops_it() {
    let place = Place::new();
    place.make().unwrap();
    let path = place.path("keys/secrets/users");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(place.make().unwrap_err().contains("chmod 600"));
}
