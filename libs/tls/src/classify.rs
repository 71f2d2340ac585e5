//! From OpenSSL's numbers to our words.

use openssl::error::ErrorStack;
use openssl::ssl::{self, SslRef};
use openssl::x509::X509VerifyResult;

use crate::verify::verdict;
use crate::{Reason, Refused};

/// OpenSSL's library number of its TLS code.
const LIB_SSL: i32 = 20;

/// Reasons from here on are alerts of the peer, by their number in the protocol.
const ALERTS: std::ops::Range<i32> = 1000..1256;

impl Reason {
    /// Returns the word for what OpenSSL says about a certificate.
    pub(crate) fn of_certificate(error: X509VerifyResult) -> Self {
        match error.as_raw() {
            3 | 11 | 12 | 33 | 36 | 44 | 54 => Self::CrlUnavailable,
            9 => Self::NotYetValid,
            10 => Self::Expired,
            2 | 18..=22 | 24 | 25 | 27 | 28 | 32 | 79 => Self::UnknownCa,
            23 => Self::Revoked,
            26 | 37 | 39 => Self::Purpose,
            62..=64 => Self::Name,
            66..=68 | 76 | 94 => Self::Weak,
            // What is left is malformed or breaks the strict profile.
            _ => Self::Policy,
        }
    }

    /// Returns the word for a reason of OpenSSL's TLS code.
    fn of_handshake(code: i32) -> Self {
        match code {
            155 | 156 => Self::Plaintext,
            116 | 191 | 252 | 258 | 259 | 266 | 267 | 396 => Self::Version,
            101 | 118 | 193 | 295 | 376 | 410 => Self::NoSharedCipher,
            235 => Self::Alpn,
            199 => Self::NoClientCert,
            397..=399 => Self::Weak,
            294 => Self::Io,
            code if ALERTS.contains(&code) => Self::Alert,
            _ => Self::Protocol,
        }
    }
}

/// Explains why a handshake failed.
pub(crate) fn explain(error: &ssl::Error, ssl: &SslRef) -> Refused {
    if let Some(refused) = verdict(ssl) {
        return refused;
    }
    if let Some(stack) = error.ssl_error() {
        return of_stack(stack);
    }
    match error.io_error() {
        Some(error) => Refused::new(Reason::Io, format!("the connection was lost: {error}")),
        None => Refused::new(Reason::Io, "the peer went away during the handshake"),
    }
}

/// Takes the first error that says something: OpenSSL adds the general ones on the way up.
fn of_stack(stack: &ErrorStack) -> Refused {
    let of_tls = |error: &&openssl::error::Error| error.library_code() == LIB_SSL;
    let errors: Vec<_> = stack
        .errors()
        .iter()
        .filter(of_tls)
        .map(|error| (Reason::of_handshake(error.reason_code()), error))
        .collect();
    let telling = errors
        .iter()
        .find(|(reason, _)| *reason != Reason::Protocol);
    let Some((reason, error)) = telling.or(errors.first()) else {
        return Refused::new(Reason::Protocol, format!("the handshake failed: {stack}"));
    };
    let text = error.reason().unwrap_or("unknown error");
    let what = match reason {
        Reason::Alert => "the peer refused us",
        _ => "the handshake failed",
    };
    Refused::new(*reason, format!("{what}: {text}"))
}
