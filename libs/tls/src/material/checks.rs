//! What must be true of material before it is used, and what should be.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use config::Problems;
use openssl::asn1::Asn1Time;
use openssl::x509::{X509, X509Crl, X509Ref};

use super::Identity;
use crate::ocsp;
use crate::peer_cert::Uses;
use crate::settings::{Pem, Role, Stapling};

const BEGIN_CRL: &[u8] = b"-----BEGIN X509 CRL-----";
const END_CRL: &[u8] = b"-----END X509 CRL-----";

/// How many days before the end a list or a certificate is worth a warning.
const SOON_DAYS: u32 = 1;

/// A key of another certificate, or a certificate past its time, is a mistake.
pub(super) fn pair(identity: &Identity, cert: &Pem, key: &Pem, problems: &mut Problems) {
    if !is_pair(identity) {
        problems.push(
            key.variable(),
            format!("is not the key of the certificate in {}", cert.variable()),
        );
    }
    if is_expired(&identity.leaf) {
        problems.push(
            cert.variable(),
            format!("expired at {}", identity.leaf.not_after()),
        );
    }
}

/// Tells whether a key is that of its certificate.
pub(super) fn is_pair(identity: &Identity) -> bool {
    let public = identity.leaf.public_key();
    public.is_ok_and(|public| public.public_eq(&identity.key))
}

/// Tells whether a certificate is past its time.
pub(super) fn is_expired(leaf: &X509Ref) -> bool {
    !ends_after(leaf, 0)
}

/// Says why nobody can be asked about our own certificate, where somebody should be.
pub(super) fn responder(
    identity: &Identity,
    role: Role,
    stapling: Stapling,
) -> Option<&'static str> {
    if role != Role::Listener || stapling == Stapling::Off {
        return None;
    }
    if ocsp::responder(&identity.leaf).is_none() {
        return Some("holds a certificate that names no OCSP responder");
    }
    let alone = identity.intermediates.is_empty();
    alone.then_some("holds no certificate of the issuer, which OCSP needs; append it")
}

/// Names what is odd about our own certificate.
pub(super) fn leaf(leaf: &X509Ref, role: Role, cert: &Pem) -> Vec<String> {
    let mut warnings = Vec::new();
    let uses = Uses::of(leaf);
    let name = cert.variable();
    match role {
        Role::Listener if !uses.server_auth => warnings.push(format!(
            "{name}: the certificate does not state that it is for servers (serverAuth)"
        )),
        Role::Client if !uses.client_auth => warnings.push(format!(
            "{name}: the certificate does not state that it is for clients (clientAuth)"
        )),
        Role::Listener | Role::Client => {}
    }
    if !ends_after(leaf, SOON_DAYS) {
        warnings.push(format!(
            "{name}: the certificate expires at {}",
            leaf.not_after()
        ));
    }
    warnings
}

fn ends_after(cert: &X509Ref, days: u32) -> bool {
    Asn1Time::days_from_now(days).is_ok_and(|then| cert.not_after() > then)
}

/// A key that others can read is no secret.
pub(super) fn key_mode(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        format!(
            "{} can be read by others (mode {:o}); make it 600",
            path.display(),
            mode & 0o777
        )
    })
}

/// Something that may not sign is no CA, unless a chain may end at it.
pub(super) fn cas(cas: &[X509], pem: &Pem, partial_chain: bool, problems: &mut Problems) {
    if partial_chain {
        return;
    }
    for (index, ca) in cas.iter().enumerate() {
        if !Uses::of(ca).ca {
            problems.push(
                pem.variable(),
                format!("holds a certificate that is no CA (number {})", index + 1),
            );
        }
    }
}

/// Parses the lists of a text; each must be signed by the CA it names, when that is one of ours.
pub(super) fn crls(text: &[u8], cas: &[X509]) -> Result<(Vec<X509Crl>, Option<String>), String> {
    let mut crls = Vec::new();
    let mut stale = None;
    for block in blocks(text) {
        let crl = X509Crl::from_pem(block).map_err(|_| "holds a broken revocation list")?;
        let name = crl.issuer_name().to_der().ok();
        let issuer = cas
            .iter()
            .filter(|ca| ca.subject_name().to_der().ok() == name);
        let mut signed = issuer
            .filter_map(|ca| ca.public_key().ok())
            .map(|key| crl.verify(&key).unwrap_or(false))
            .peekable();
        if signed.peek().is_some() && !signed.any(|good| good) {
            return Err("holds a revocation list that its issuer did not sign".to_owned());
        }
        let tomorrow = Asn1Time::days_from_now(SOON_DAYS).ok();
        if let (Some(next), Some(tomorrow)) = (crl.next_update(), tomorrow)
            && next <= tomorrow
        {
            stale = Some(format!(
                "holds a revocation list whose update is due at {next}"
            ));
        }
        crls.push(crl);
    }
    if crls.is_empty() {
        return Err("holds no revocation list in PEM".to_owned());
    }
    Ok((crls, stale))
}

/// Splits a text at its PEM blocks; the crate parses only the first one.
fn blocks(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|w| w == what);
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = find(rest, BEGIN_CRL)?;
        let end = begin + find(&rest[begin..], END_CRL)? + END_CRL.len();
        let block = &rest[begin..end];
        rest = &rest[end..];
        Some(block)
    })
}
