//! OCSP responses in handshakes: presented by listeners, looked at by clients.

use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslRef};

use super::ContextError;
use crate::material::Identity;
use crate::ocsp::{Status, judge};
use crate::server_tls::Shared;
use crate::settings::{Settings, Stapling};
use crate::{Reason, Refused, verify};

/// The first generation is used without a response: there is nothing older to keep in use meanwhile.
const FIRST_GENERATION: u64 = 1;

/// Lets a listener present what a responder says about its certificate.
pub(super) fn present(
    builder: &mut SslContextBuilder,
    identity: &Identity,
    settings: &Settings,
    generation: u64,
    shared: &Arc<Shared>,
) -> Result<(), ContextError> {
    let must = settings.policy.ocsp_stapling == Stapling::Must;
    if settings.policy.ocsp_stapling == Stapling::Off {
        return Ok(());
    }
    let staple = shared.staples.want(identity);
    let waits = staple.as_ref().is_some_and(|staple| !staple.is_answered());
    if must && generation > FIRST_GENERATION && waits {
        return Err(ContextError::NoStaple);
    }
    builder.set_status_callback(move |ssl| {
        let response = staple.as_ref().and_then(|staple| staple.response());
        match response {
            Some(response) => {
                ssl.set_ocsp_status(&response)?;
                Ok(true)
            }
            None if must => {
                let text = "the client asks for an OCSP response, and there is none yet";
                verify::refuse(ssl, Refused::new(Reason::OcspUnavailable, text));
                Err(ErrorStack::get())
            }
            None => Ok(false),
        }
    })?;
    Ok(())
}

/// Lets a client look at what the server presents.
pub(super) fn expect(
    builder: &mut SslContextBuilder,
    settings: &Settings,
) -> Result<(), ContextError> {
    let stapling = settings.policy.ocsp_stapling;
    if stapling == Stapling::Off {
        return Ok(());
    }
    builder.set_status_callback(move |ssl| match refusal(ssl, stapling) {
        None => Ok(true),
        Some(refused) => {
            verify::refuse(ssl, refused);
            Ok(false)
        }
    })?;
    Ok(())
}

fn refusal(ssl: &SslRef, stapling: Stapling) -> Option<Refused> {
    let refused = |reason, text: &str| Some(Refused::new(reason, text));
    let verdict = match ssl.ocsp_status() {
        Some(response) => match ssl.verified_chain() {
            Some(chain) if chain.len() > 1 => judge(response, &chain[0], &chain[1]),
            Some(_) | None => Err("the server's certificate has no issuer".to_owned()),
        },
        None => Err("the server presents no OCSP response".to_owned()),
    };
    match verdict.map(|verdict| verdict.status) {
        Ok(Status::Good) => None,
        Ok(Status::Revoked) => refused(
            Reason::Revoked,
            "the server's own OCSP response says that its certificate is revoked",
        ),
        Ok(Status::Unknown) | Err(_) if stapling == Stapling::Auto => None,
        Ok(Status::Unknown) => refused(
            Reason::OcspUnavailable,
            "the responder does not know the server's certificate",
        ),
        Err(text) => refused(Reason::OcspUnavailable, &text),
    }
}
