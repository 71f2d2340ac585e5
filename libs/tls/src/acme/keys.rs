//! Keys, signing requests, and the certificate that answers a challenge.

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{AlpnError, SslContext, SslContextBuilder, SslMethod, SslVersion};
use openssl::stack::Stack;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509Req};

use crate::alpn;

/// The extension that holds the answer to a tls-alpn-01 challenge (RFC 8737).
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

const RSA_BITS: u32 = 2048;

/// How long the certificate of a challenge is good; a CA does not look.
const CHALLENGE_DAYS: u32 = 1;

/// Makes a key: ECDSA on P-256, or RSA for clients that know nothing else.
pub(super) fn key(rsa: bool) -> Result<PKey<Private>, ErrorStack> {
    if rsa {
        return PKey::from_rsa(Rsa::generate(RSA_BITS)?);
    }
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

/// Asks for a certificate of a name, in DER.
pub(super) fn request(name: &str, key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    let mut builder = X509Req::builder()?;
    builder.set_pubkey(key)?;
    let mut extensions = Stack::new()?;
    extensions.push(
        SubjectAlternativeName::new()
            .dns(name)
            .build(&builder.x509v3_context(None))?,
    )?;
    builder.add_extensions(&extensions)?;
    builder.sign(key, MessageDigest::sha256())?;
    builder.build().to_der()
}

/// Makes the context that answers a tls-alpn-01 challenge, and does nothing else.
pub(super) fn challenge(name: &str, answer: &[u8]) -> Result<SslContext, ErrorStack> {
    let key = key(false)?;
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    let certificate = challenge_certificate(name, answer, &key)?;
    builder.set_certificate(&certificate)?;
    builder.set_private_key(&key)?;
    builder.set_alpn_select_callback(|_, offered| {
        alpn::find(offered, alpn::ACME).ok_or(AlpnError::ALERT_FATAL)
    });
    Ok(builder.build())
}

fn challenge_certificate(
    name: &str,
    answer: &[u8],
    key: &PKey<Private>,
) -> Result<X509, ErrorStack> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    let serial = Asn1Integer::from_bn(&*BigNum::from_u32(1)?)?;
    builder.set_serial_number(&serial)?;
    let mut subject = X509Name::builder()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, "ACME challenge")?;
    let subject = subject.build();
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(&subject)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(CHALLENGE_DAYS)?)?;
    builder.set_pubkey(key)?;
    let names = SubjectAlternativeName::new()
        .dns(name)
        .build(&builder.x509v3_context(None, None))?;
    builder.append_extension(names)?;
    builder.append_extension(acme_identifier(answer)?)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn acme_identifier(answer: &[u8]) -> Result<X509Extension, ErrorStack> {
    let kind = Asn1Object::from_str(ACME_IDENTIFIER)?;
    // An octet string in the extension's octet string; a SHA-256 has 32 bytes.
    let inner = [&[0x04, 0x20], answer].concat();
    X509Extension::new_from_der(&kind, true, &*Asn1OctetString::new_from_bytes(&inner)?)
}
