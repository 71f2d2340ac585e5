//! A certificate authority in two files: what it signs, and with which usages.

use anyhow::Context;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name};

/// How long the authority itself is good, in days.
const CA_DAYS: u32 = 3650;
/// How long what it signs is good: the most that clients take from public authorities.
const LEAF_DAYS: u32 = 397;
const SERIAL_BITS: i32 = 127;

/// Who signs.
pub(super) struct Authority {
    pub(super) certificate: X509,
    key: PKey<Private>,
}

/// A certificate that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The name of its files.
    pub(super) file: String,
    pub(super) common_name: String,
    pub(super) names: Vec<Name>,
    /// Whether it also calls others, and is not only called.
    pub(super) is_client: bool,
}

/// A name in the subject's alternative names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Dns(String),
    Ip(&'static str),
    Uri(String),
}

impl Authority {
    /// Makes an authority for a key.
    pub(super) fn create(key: PKey<Private>) -> anyhow::Result<Self> {
        let certificate = sign_own(&key).context("cannot make a CA")?;
        Ok(Self { certificate, key })
    }

    /// Takes one that exists.
    ///
    /// # Errors
    /// When the key is that of another certificate.
    pub(super) fn open(certificate: X509, key: PKey<Private>) -> anyhow::Result<Self> {
        anyhow::ensure!(
            certificate.public_key()?.public_eq(&key),
            "ca.key is not the key of ca.crt: put the right one there, or move both away to have a new CA made"
        );
        Ok(Self { certificate, key })
    }

    /// Signs a certificate for a key.
    pub(super) fn sign(&self, request: &Request, key: &PKey<Private>) -> anyhow::Result<X509> {
        self.leaf(request, key)
            .with_context(|| format!("cannot sign {}.crt", request.file))
    }

    fn leaf(&self, request: &Request, key: &PKey<Private>) -> Result<X509, ErrorStack> {
        let mut builder = builder(&request.common_name, key, LEAF_DAYS)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        let mut usage = ExtendedKeyUsage::new();
        usage.server_auth();
        if request.is_client {
            usage.client_auth();
        }
        builder.append_extension(usage.build()?)?;
        let mut names = SubjectAlternativeName::new();
        for name in &request.names {
            match name {
                Name::Dns(name) => names.dns(name),
                Name::Ip(name) => names.ip(name),
                Name::Uri(name) => names.uri(name),
            };
        }
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let names = names.build(&context)?;
        let subject = SubjectKeyIdentifier::new().build(&context)?;
        let issuer = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        for extension in [names, subject, issuer] {
            builder.append_extension(extension)?;
        }
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

/// Makes a key on the curve that every client knows.
pub(super) fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn sign_own(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut builder = builder("Ferroflux CA", key, CA_DAYS)?;
    let subject = subject("Ferroflux CA")?;
    builder.set_issuer_name(&subject)?;
    builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical().key_cert_sign().crl_sign();
    builder.append_extension(usage.build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn builder(common_name: &str, key: &PKey<Private>, days: u32) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    let subject = subject(common_name)?;
    builder.set_subject_name(&subject)?;
    builder.set_pubkey(key)?;
    let (from, to) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(days)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    Ok(builder)
}

/// The subject that `ssl/Makefile` writes unless told otherwise; it keeps a certificate only when the subject fits.
fn subject(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Mainflux")?;
    name.append_entry_by_nid(Nid::ORGANIZATIONALUNITNAME, "mainflux")?;
    name.append_entry_by_nid(Nid::PKCS9_EMAILADDRESS, "info@mainflux.com")?;
    Ok(name.build())
}
