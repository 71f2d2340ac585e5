//! What is checked of a peer's certificate on top of OpenSSL's rules, while the handshake can still send the alert.

use std::sync::{Arc, LazyLock, OnceLock};

use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslRef};
use openssl::x509::{X509Ref, X509StoreContext, X509StoreContextRef, X509VerifyResult};

use crate::ffi;
use crate::material::Loaded;
use crate::peer_cert::{PeerCert, Uses, hex, spki_sha256};
use crate::settings::{CrlMode, Pin, Profile, Role, Settings};
use crate::{Reason, Refused};

/// Where a connection keeps the first reason to refuse its peer.
type Verdict = Arc<OnceLock<Refused>>;

static VERDICT: LazyLock<Index<Ssl, Verdict>> =
    LazyLock::new(|| Ssl::new_ex_index().expect("indexes are bounded by memory only"));

/// Gives a connection a place for the reason to refuse its peer.
pub(crate) fn prepare(ssl: &mut SslRef) {
    ssl.set_ex_data(*VERDICT, Verdict::default());
}

/// Notes why a connection ends, when it is for another reason than the peer's certificate.
pub(crate) fn refuse(ssl: &SslRef, refused: Refused) {
    if let Some(verdict) = ssl.ex_data(*VERDICT) {
        verdict.get_or_init(|| refused);
    }
}

/// Returns why the peer was refused, if it was.
pub(crate) fn verdict(ssl: &SslRef) -> Option<Refused> {
    ssl.ex_data(*VERDICT)?.get().cloned()
}

/// The rules of one generation.
#[derive(Clone)]
pub(crate) struct Rules {
    endpoint: &'static str,
    forgive_missing_crl: bool,
    state_client_auth: bool,
    pins: Vec<Pin>,
    allowed: Vec<String>,
}

impl Rules {
    pub(crate) fn new(settings: &Settings, loaded: &Loaded) -> Self {
        let strict = settings.profile == Profile::Strict;
        Self {
            endpoint: settings.endpoint.name,
            forgive_missing_crl: settings.policy.crl_mode == CrlMode::Soft,
            state_client_auth: strict && settings.endpoint.role == Role::Listener,
            pins: loaded.pins.clone(),
            allowed: settings.policy.allowed_ids.clone(),
        }
    }

    /// Tells whether a missing or stale revocation list is only counted, and then counts it.
    pub(crate) fn forgives_missing_crl(&self) -> bool {
        if self.forgive_missing_crl {
            metrics::counter!("tls_crl_unavailable_total", "endpoint" => self.endpoint)
                .increment(1);
        }
        self.forgive_missing_crl
    }

    /// Decides about one certificate of a chain, after OpenSSL did.
    pub(crate) fn judge(&self, good: bool, context: &mut X509StoreContextRef) -> bool {
        if !good {
            let error = context.error();
            let reason = Reason::of_certificate(error);
            if reason == Reason::CrlUnavailable && self.forgives_missing_crl() {
                context.set_error(X509VerifyResult::OK);
                return true;
            }
            let text = format!("the certificate is refused: {}", error.error_string());
            note(context, reason, text);
            return false;
        }
        if context.error_depth() > 0 {
            return true;
        }
        let refusal = context
            .current_cert()
            .and_then(|cert| self.leaf(cert).err());
        match refusal {
            None => true,
            Some((reason, text)) => {
                note(context, reason, text);
                context.set_error(alert(reason));
                false
            }
        }
    }

    /// Decides about the certificate that is the peer's own.
    pub(crate) fn leaf(&self, cert: &X509Ref) -> Result<(), (Reason, String)> {
        if self.state_client_auth && !Uses::of(cert).client_auth {
            let text = "the certificate does not state that it is for clients (clientAuth)";
            return Err((Reason::Purpose, text.to_owned()));
        }
        let unreadable = |_| (Reason::Policy, "the certificate is unreadable".to_owned());
        if !self.pins.is_empty() {
            let key = spki_sha256(cert).map_err(unreadable)?;
            if !self.pins.contains(&Pin(key)) {
                let text = format!("the public key {} is not pinned", hex(&key));
                return Err((Reason::Pin, text));
            }
        }
        if !self.allowed.is_empty() {
            let cert = PeerCert::new(cert).map_err(unreadable)?;
            if !is_allowed(&cert, &self.allowed) {
                let text = "no name in the certificate's SAN is allowed".to_owned();
                return Err((Reason::Policy, text));
            }
        }
        Ok(())
    }
}

fn note(context: &X509StoreContextRef, reason: Reason, detail: String) {
    let certificate = context
        .current_cert()
        .and_then(|cert| Some(hex(&openssl::sha::sha256(&cert.to_der().ok()?))));
    let refused = Refused {
        certificate,
        ..Refused::new(reason, detail)
    };
    let Ok(index) = X509StoreContext::ssl_idx() else {
        return;
    };
    let verdict = context.ex_data(index).and_then(|ssl| ssl.ex_data(*VERDICT));
    if let Some(verdict) = verdict {
        verdict.get_or_init(|| refused);
    }
}

/// The error that makes OpenSSL send the alert that fits.
fn alert(reason: Reason) -> X509VerifyResult {
    match reason {
        Reason::Purpose => ffi::invalid_purpose(),
        _ => X509VerifyResult::APPLICATION_VERIFICATION,
    }
}

/// Two URIs are no identity, and one with dots or escapes is a path somebody might normalise.
fn is_allowed(cert: &PeerCert, allowed: &[String]) -> bool {
    if cert.uris.len() > 1 {
        return false;
    }
    let plain = |uri: &&String| {
        let odd = |segment: &str| matches!(segment, "." | "..") || segment.contains('%');
        !uri.split('/').any(odd)
    };
    let uris = cert.uris.iter().filter(plain);
    uris.chain(&cert.dns).any(|name| {
        allowed
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            })
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::is_allowed;
    use crate::PeerCert;

    fn cert(uris: &[&str], dns: &[&str]) -> PeerCert {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        PeerCert {
            sha256: [0; 32],
            issuer_key_id: None,
            serial: Vec::new(),
            cn: None,
            uris: texts(uris),
            dns: texts(dns),
            emails: Vec::new(),
            not_after: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn names_are_exact_or_a_prefix_and_ambiguous_ones_are_nobody() {
        let allowed = [
            "spiffe://x/svc/http".to_owned(),
            "spiffe://x/thing/*".to_owned(),
        ];
        for (uris, dns, expected) in [
            (&["spiffe://x/svc/http"][..], &[][..], true),
            (&["spiffe://x/svc/https"], &[], false),
            (&["spiffe://y/svc/http"], &[], false),
            (&["spiffe://x/thing/1"], &[], true),
            (&["spiffe://x/thing/../svc/things"], &[], false),
            (&["spiffe://x/thing/%2e%2e/svc"], &[], false),
            (&["spiffe://x/svc/http", "spiffe://x/thing/1"], &[], false),
            (&[], &["spiffe://x/svc/http"], true),
            (&[], &["http"], false),
            (&[], &[], false),
        ] {
            assert_eq!(
                is_allowed(&cert(uris, dns), &allowed),
                expected,
                "{uris:?} {dns:?}"
            );
        }
    }
}
