//! Certificates of every kind, good and bad, made for one test run.

use std::time::{SystemTime, UNIX_EPOCH};

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::SslConnectorBuilder;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{
    X509, X509Builder, X509CrlBuilder, X509Extension, X509Name, X509RevokedBuilder,
};

/// The kind of a key.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    P256,
    P384,
    P224,
    Ed25519,
    Rsa(u32),
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Use {
    Server,
    Client,
    CodeSigning,
}

/// What a certificate should say.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) cn: String,
    /// A second CN, which nobody should have.
    pub(crate) second_cn: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) days: (i64, i64),
    /// When it expires, from now, instead of in days.
    pub(crate) seconds: Option<i64>,
    pub(crate) uses: Vec<Use>,
    pub(crate) digital_signature: bool,
    pub(crate) ca: Option<Option<u32>>,
    pub(crate) key: Key,
    pub(crate) digest: fn() -> MessageDigest,
    pub(crate) version_1: bool,
    /// Whether a CA says what its key is for; that of 0.9 did not.
    pub(crate) states_usage: bool,
    pub(crate) serial: Option<u32>,
    /// Where to ask about it by OCSP.
    pub(crate) responder: Option<String>,
}

impl Spec {
    fn new(cn: &str) -> Self {
        Self {
            cn: cn.to_owned(),
            second_cn: None,
            names: Vec::new(),
            days: (-1, 30),
            seconds: None,
            uses: Vec::new(),
            digital_signature: true,
            ca: None,
            key: Key::P256,
            digest: MessageDigest::sha256,
            version_1: false,
            states_usage: true,
            serial: None,
            responder: None,
        }
    }

    pub(crate) fn server(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            uses: vec![Use::Server],
            ..Self::new("server")
        }
    }

    pub(crate) fn client() -> Self {
        Self {
            names: vec!["URI:spiffe://test/thing/1".to_owned()],
            uses: vec![Use::Client],
            ..Self::new("client")
        }
    }

    pub(crate) fn ca(cn: &str) -> Self {
        Self {
            ca: Some(None),
            days: (-10, 100),
            ..Self::new(cn)
        }
    }
}

/// A certificate, its key and the intermediates between it and its root.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) cert: X509,
    pub(crate) key: PKey<Private>,
    pub(crate) chain: Vec<X509>,
    is_root: bool,
}

impl Issued {
    pub(crate) fn root(spec: &Spec) -> Self {
        build(spec, None)
    }

    pub(crate) fn issue(&self, spec: &Spec) -> Self {
        build(spec, Some(self))
    }

    /// The certificate and its intermediates.
    pub(crate) fn pem(&self) -> String {
        let mut pem = self.cert.to_pem().unwrap();
        for cert in &self.chain {
            pem.extend(cert.to_pem().unwrap());
        }
        String::from_utf8(pem).unwrap()
    }

    pub(crate) fn cert_pem(&self) -> String {
        String::from_utf8(self.cert.to_pem().unwrap()).unwrap()
    }

    pub(crate) fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().unwrap()).unwrap()
    }

    /// Makes an OpenSSL client present it.
    pub(crate) fn present(&self, client: &mut SslConnectorBuilder) {
        client.set_certificate(&self.cert).unwrap();
        for cert in &self.chain {
            client.add_extra_chain_cert(cert.clone()).unwrap();
        }
        client.set_private_key(&self.key).unwrap();
    }

    /// A list of what it has revoked, good for some days.
    pub(crate) fn crl(&self, revoked: &[&Self], days: i64) -> String {
        let mut builder = X509CrlBuilder::new().unwrap();
        builder.set_issuer_name(self.cert.subject_name()).unwrap();
        builder.set_last_update(&time(-5)).unwrap();
        builder.set_next_update(&time(days)).unwrap();
        for one in revoked {
            let mut entry = X509RevokedBuilder::new().unwrap();
            entry.set_revocation_date(&time(-1)).unwrap();
            entry.set_serial_number(one.cert.serial_number()).unwrap();
            builder.add_revoked(entry.build()).unwrap();
        }
        let dummy = X509Builder::new().unwrap();
        let context = dummy.x509v3_context(Some(&self.cert), None);
        let mut issuer = AuthorityKeyIdentifier::new();
        let issuer = issuer.keyid(true).build(&context).unwrap();
        builder.append_extension(issuer).unwrap();
        let number = Asn1Object::from_str("2.5.29.20").unwrap();
        let one = Asn1OctetString::new_from_bytes(&[2, 1, 1]).unwrap();
        let number = X509Extension::new_from_der(&number, false, &one).unwrap();
        builder.append_extension(number).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        String::from_utf8(builder.build().unwrap().to_pem().unwrap()).unwrap()
    }
}

fn time(days: i64) -> Asn1Time {
    in_seconds(days * 86_400)
}

fn in_seconds(seconds: i64) -> Asn1Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Asn1Time::from_unix(now.as_secs().cast_signed() + seconds).unwrap()
}

fn key(kind: Key) -> PKey<Private> {
    let curve = |nid| {
        let group = EcGroup::from_curve_name(nid).unwrap();
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
    };
    match kind {
        Key::P256 => curve(Nid::X9_62_PRIME256V1),
        Key::P384 => curve(Nid::SECP384R1),
        Key::P224 => curve(Nid::SECP224R1),
        Key::Ed25519 => PKey::generate_ed25519().unwrap(),
        Key::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
    }
}

fn name(spec: &Spec) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Test")
        .unwrap();
    for cn in std::iter::once(&spec.cn).chain(&spec.second_cn) {
        name.append_entry_by_nid(Nid::COMMONNAME, cn).unwrap();
    }
    name.build()
}

fn build(spec: &Spec, issuer: Option<&Issued>) -> Issued {
    let key = key(spec.key);
    let mut builder = X509Builder::new().unwrap();
    let serial = match spec.serial {
        Some(serial) => BigNum::from_u32(serial).unwrap(),
        None => {
            let mut serial = BigNum::new().unwrap();
            serial
                .rand(120, openssl::bn::MsbOption::ONE, false)
                .unwrap();
            serial
        }
    };
    builder
        .set_serial_number(&Asn1Integer::from_bn(&serial).unwrap())
        .unwrap();
    let subject = name(spec);
    builder.set_subject_name(&subject).unwrap();
    let issuer_name = issuer.map_or(&*subject, |issuer| issuer.cert.subject_name());
    builder.set_issuer_name(issuer_name).unwrap();
    builder.set_not_before(&time(spec.days.0)).unwrap();
    let until = spec.seconds.map_or_else(|| time(spec.days.1), in_seconds);
    builder.set_not_after(&until).unwrap();
    builder.set_pubkey(&key).unwrap();
    if !spec.version_1 {
        builder.set_version(2).unwrap();
        extend(&mut builder, spec, issuer);
    }
    let digest = match spec_signer(issuer, &key).id() {
        Id::ED25519 => MessageDigest::null(),
        _ => (spec.digest)(),
    };
    builder.sign(spec_signer(issuer, &key), digest).unwrap();
    Issued {
        cert: builder.build(),
        key,
        chain: match issuer {
            Some(issuer) if !issuer.is_root => {
                let between = std::iter::once(&issuer.cert).chain(&issuer.chain);
                between.cloned().collect()
            }
            Some(_) | None => Vec::new(),
        },
        is_root: issuer.is_none(),
    }
}

fn spec_signer<'a>(issuer: Option<&'a Issued>, own: &'a PKey<Private>) -> &'a PKey<Private> {
    issuer.map_or(own, |issuer| &issuer.key)
}

fn extend(builder: &mut X509Builder, spec: &Spec, issuer: Option<&Issued>) {
    let mut add = |extension: X509Extension| builder.append_extension(extension).unwrap();
    let mut usage = KeyUsage::new();
    usage.critical();
    if let Some(pathlen) = spec.ca {
        let mut basic = BasicConstraints::new();
        basic.critical().ca();
        if let Some(pathlen) = pathlen {
            basic.pathlen(pathlen);
        }
        add(basic.build().unwrap());
        if spec.states_usage {
            add(usage.key_cert_sign().crl_sign().build().unwrap());
        }
    } else if spec.digital_signature {
        add(usage.digital_signature().build().unwrap());
    } else {
        add(usage.key_encipherment().build().unwrap());
    }
    if !spec.uses.is_empty() {
        let mut uses = ExtendedKeyUsage::new();
        for one in &spec.uses {
            match one {
                Use::Server => uses.server_auth(),
                Use::Client => uses.client_auth(),
                Use::CodeSigning => uses.code_signing(),
            };
        }
        add(uses.build().unwrap());
    }
    let subject = {
        let context = builder.x509v3_context(issuer.map(|issuer| &*issuer.cert), None);
        SubjectKeyIdentifier::new().build(&context).unwrap()
    };
    builder.append_extension(subject).unwrap();
    let issuer_id = issuer.map(|issuer| {
        let context = builder.x509v3_context(Some(&issuer.cert), None);
        let mut id = AuthorityKeyIdentifier::new();
        id.keyid(true).build(&context).unwrap()
    });
    if let Some(id) = issuer_id {
        builder.append_extension(id).unwrap();
    }
    if let Some(url) = &spec.responder {
        builder.append_extension(responder(url)).unwrap();
    }
    if !spec.names.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for name in &spec.names {
            match name.split_once(':') {
                Some(("URI", uri)) => names.uri(uri),
                Some(("IP", ip)) => names.ip(ip),
                _ => names.dns(name),
            };
        }
        let names = {
            let context = builder.x509v3_context(None, None);
            names.build(&context).unwrap()
        };
        builder.append_extension(names).unwrap();
    }
}

/// Says where to ask about a certificate by OCSP: a sequence of one access method and the place for it.
fn responder(url: &str) -> X509Extension {
    let tagged = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 128, "longer lengths are written differently");
        [&[tag, length], content].concat()
    };
    let ocsp = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01";
    let description = [&ocsp[..], &tagged(0x86, url.as_bytes())].concat();
    let access = tagged(0x30, &tagged(0x30, &description));
    let kind = Asn1Object::from_str("1.3.6.1.5.5.7.1.1").unwrap();
    let access = Asn1OctetString::new_from_bytes(&access).unwrap();
    X509Extension::new_from_der(&kind, false, &access).unwrap()
}
