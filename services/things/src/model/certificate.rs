use std::fmt::{self, Write as _};

use model::{ThingId, Timestamp};
use sha2::{Digest, Sha256};
use x509_parser::pem::Pem;

use crate::{Error, Result};

/// The longest PEM text that is read.
const MAX_PEM_BYTES: usize = 64 * 1024;
/// How many characters of a subject are kept.
const MAX_SUBJECT_CHARS: usize = 256;

/// A certificate a thing may prove its identity with; the certificate itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Which certificate.
    pub sha256: Fingerprint,
    /// The thing it belongs to.
    pub thing: ThingId,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it expires, as far as we were shown.
    pub not_after: Option<Timestamp>,
    /// Its serial number in hexadecimal, as far as we were shown.
    pub serial: Option<String>,
    /// Its subject for people to read, as far as we were shown.
    pub subject: Option<String>,
}

impl Certificate {
    /// Notes a certificate of which only the fingerprint is known.
    pub fn of_fingerprint(sha256: Fingerprint, thing: ThingId, now: Timestamp) -> Self {
        Self {
            sha256,
            thing,
            created: now,
            revoked: None,
            not_after: None,
            serial: None,
            subject: None,
        }
    }

    /// Succeeds when it is as good as when it was registered.
    ///
    /// # Errors
    /// [`Error::CertificateRevoked`] and [`Error::CertificateOutdated`].
    pub fn check(&self, now: Timestamp) -> Result<()> {
        if self.revoked.is_some() {
            return Err(Error::CertificateRevoked);
        }
        match self.not_after {
            Some(end) if end < now => Err(Error::CertificateOutdated),
            Some(_) | None => Ok(()),
        }
    }

    /// Reads a PEM text that holds one certificate.
    ///
    /// # Errors
    /// [`Error::CertificateMalformed`] and [`Error::CertificateExpired`].
    pub fn of_pem(pem: &str, thing: ThingId, now: Timestamp) -> Result<Self> {
        let der = only_certificate(pem)?;
        let (rest, x509) =
            x509_parser::parse_x509_certificate(&der).map_err(|_| Error::CertificateMalformed)?;
        if !rest.is_empty() {
            return Err(Error::CertificateMalformed);
        }
        let not_after = x509
            .validity()
            .not_after
            .timestamp()
            .saturating_mul(1_000_000);
        let not_after = Timestamp::from_micros(not_after);
        if not_after < now {
            return Err(Error::CertificateExpired);
        }
        Ok(Self {
            not_after: Some(not_after),
            serial: Some(printable(&hex(x509.raw_serial()))),
            subject: Some(printable(&x509.subject().to_string())),
            ..Self::of_fingerprint(Fingerprint(Sha256::digest(&der).into()), thing, now)
        })
    }
}

/// Returns the DER form of the only block; a private key beside it is refused so that nobody gets used to sending it.
fn only_certificate(pem: &str) -> Result<Vec<u8>> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(Error::CertificateMalformed);
    }
    let mut blocks = Pem::iter_from_buffer(pem.as_bytes());
    match (blocks.next(), blocks.next()) {
        (Some(Ok(block)), None) if block.label == "CERTIFICATE" => Ok(block.contents),
        _ => Err(Error::CertificateMalformed),
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_SUBJECT_CHARS)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of a certificate's DER form, shown in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Accepts 64 hexadecimal digits in either case, also with colons as `openssl` prints them.
    ///
    /// # Errors
    /// [`Error::FingerprintMalformed`].
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || Error::FingerprintMalformed;
        let digits: String = match text.len() {
            64 => text.to_owned(),
            95 => text.split(':').filter(|pair| pair.len() == 2).collect(),
            _ => return Err(malformed()),
        };
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = &digits[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Self(bytes))
    }

    /// Returns the bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests;
