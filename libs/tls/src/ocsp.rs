//! OCSP: what a CA says about a certificate at a time.

mod stapler;
mod staples;

use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ocsp::{
    OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus,
};
use openssl::stack::Stack;
use openssl::x509::X509Ref;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;

use crate::ffi::as_time;
use crate::peer_cert::system_time;
pub(crate) use stapler::Stapler;
pub(crate) use staples::{Staple, Staples};

/// How many seconds the clocks of a responder and ours may differ.
const SKEW_SECONDS: u32 = 300;

/// What a response that can be believed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    pub(crate) next_update: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Revoked,
    /// The responder does not know the certificate.
    Unknown,
}

/// Judges a response about a certificate; the error says why it cannot be believed.
pub(crate) fn judge(response: &[u8], leaf: &X509Ref, issuer: &X509Ref) -> Result<Verdict, String> {
    let broken = |error: ErrorStack| format!("the response is broken: {error}");
    let response = OcspResponse::from_der(response).map_err(broken)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        let code = response.status().as_raw();
        return Err(format!("the responder has no answer (status {code})"));
    }
    let basic = response.basic().map_err(broken)?;
    let forged = |error| format!("the response is not signed by the issuer: {error}");
    let mut issuers = Stack::new().map_err(broken)?;
    issuers.push(issuer.to_owned()).map_err(broken)?;
    // The issuer signs itself, or a responder that it certified; it is itself believed already.
    let mut store = X509StoreBuilder::new().map_err(broken)?;
    store.add_cert(issuer.to_owned()).map_err(broken)?;
    store
        .set_flags(X509VerifyFlags::PARTIAL_CHAIN)
        .map_err(broken)?;
    basic
        .verify(&issuers, &store.build(), OcspFlag::TRUST_OTHER)
        .map_err(forged)?;
    let id = id(leaf, issuer).map_err(broken)?;
    let status = basic
        .find_status(&id)
        .ok_or("the response is about another certificate")?;
    status
        .check_validity(SKEW_SECONDS, None)
        .map_err(|_| "the response is out of its time")?;
    let next = status.next_update().map(as_time);
    Ok(Verdict {
        status: match status.status {
            OcspCertStatus::GOOD => Status::Good,
            OcspCertStatus::REVOKED => Status::Revoked,
            _ => Status::Unknown,
        },
        next_update: next.and_then(|time| system_time(time).ok()),
    })
}

/// Returns where to ask about a certificate.
pub(crate) fn responder(leaf: &X509Ref) -> Option<String> {
    let responders = leaf.ocsp_responders().ok()?;
    let first = responders.iter().next()?;
    Some(first.to_string())
}

/// Asks about a certificate, in DER.
fn request(leaf: &X509Ref, issuer: &X509Ref) -> Result<Vec<u8>, ErrorStack> {
    let mut request = OcspRequest::new()?;
    request.add_id(id(leaf, issuer)?)?;
    request.to_der()
}

/// SHA-1 is what responders index by; nothing hangs on it.
fn id(leaf: &X509Ref, issuer: &X509Ref) -> Result<OcspCertId, ErrorStack> {
    OcspCertId::from_cert(MessageDigest::sha1(), leaf, issuer)
}
