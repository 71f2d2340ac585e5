use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::sha::Sha256;
use openssl::stack::Stack;
use openssl::x509::store::X509Store;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext, X509VerifyResult};

use crate::context::{self, ContextError};
use crate::ffi;
use crate::material::Loaded;
use crate::peer_cert::hex;
use crate::settings::Settings;
use crate::verify::Rules;
use crate::{PeerCert, Reason, Refused};

/// What OpenSSL demands of keys and signatures in a handshake by default.
const SECURITY_LEVEL: i32 = 2;

/// A certificate and what may lead from it to a CA.
pub(crate) struct Chain {
    pub(crate) leaf: X509,
    pub(crate) intermediates: Vec<X509>,
}

/// The judge of client certificates without a handshake.
pub(crate) struct Verifier {
    store: X509Store,
    rules: Rules,
    /// Tells whether another one would judge by something else.
    pub(crate) digest: [u8; 32],
}

/// What OpenSSL says, and of which certificate.
struct Judgement {
    result: X509VerifyResult,
    certificate: Option<String>,
}

impl Judgement {
    fn reason(&self) -> Reason {
        Reason::of_certificate(self.result)
    }
}

impl Verifier {
    pub(crate) fn new(settings: &Settings, loaded: &Loaded) -> Result<Self, ContextError> {
        let mut store = context::store_builder(settings, loaded)?;
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_purpose(X509PurposeId::SSL_CLIENT)?;
        parameters.set_depth(context::DEPTH.cast_signed());
        parameters.set_auth_level(SECURITY_LEVEL);
        store.set_param(&parameters)?;
        Ok(Self {
            digest: digest(loaded)?,
            store: store.build(),
            rules: Rules::new(settings, loaded),
        })
    }

    /// Judges as a handshake would.
    pub(crate) fn verify(&self, chain: &Chain) -> Result<Arc<PeerCert>, Refused> {
        let unreadable = |error| {
            Refused::new(
                Reason::Policy,
                format!("the certificate is unreadable: {error}"),
            )
        };
        let mut judged = self.judge(chain, false).map_err(unreadable)?;
        if judged.reason() == Reason::CrlUnavailable && self.rules.forgives_missing_crl() {
            judged = self.judge(chain, true).map_err(unreadable)?;
        }
        if judged.result != X509VerifyResult::OK {
            let text = judged.result.error_string();
            let text = format!("the certificate is refused: {text}");
            let reason = judged.reason();
            return Err(Refused {
                certificate: judged.certificate,
                ..Refused::new(reason, text)
            });
        }
        self.rules
            .leaf(&chain.leaf)
            .map_err(|(reason, text)| Refused {
                certificate: fingerprint(&chain.leaf),
                ..Refused::new(reason, text)
            })?;
        PeerCert::new(&chain.leaf).map(Arc::new).map_err(unreadable)
    }

    fn judge(&self, chain: &Chain, forgive_missing_crl: bool) -> Result<Judgement, ErrorStack> {
        let mut intermediates = Stack::new()?;
        for certificate in &chain.intermediates {
            intermediates.push(certificate.clone())?;
        }
        X509StoreContext::new()?.init(&self.store, &chain.leaf, &intermediates, |context| {
            if forgive_missing_crl {
                ffi::forgive_missing_crl(context);
            }
            let good = context.verify_cert()?;
            Ok(Judgement {
                result: if good {
                    X509VerifyResult::OK
                } else {
                    context.error()
                },
                certificate: context.current_cert().and_then(fingerprint),
            })
        })
    }
}

fn digest(loaded: &Loaded) -> Result<[u8; 32], ErrorStack> {
    let mut digest = Sha256::new();
    for ca in loaded.cas.iter().flatten() {
        digest.update(&ca.to_der()?);
    }
    for crl in &loaded.crls {
        digest.update(&crl.to_der()?);
    }
    for pin in &loaded.pins {
        digest.update(&pin.0);
    }
    Ok(digest.finish())
}

fn fingerprint(certificate: &X509Ref) -> Option<String> {
    Some(hex(&openssl::sha::sha256(&certificate.to_der().ok()?)))
}
