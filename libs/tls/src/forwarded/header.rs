//! The two ways in which proxies write a certificate into a header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;
use percent_encoding::percent_decode;

use crate::context::MAX_INTERMEDIATES;
use crate::verifier::Chain;

/// Reads the header and the one with the intermediates; a colon begins the form of RFC 9440, and never PEM.
pub(super) fn read<'a>(value: &[u8], more: impl Iterator<Item = &'a [u8]>) -> Option<Chain> {
    let mut all = match value.first() {
        Some(b':') => vec![binary(value)?],
        _ => escaped_pem(value)?,
    };
    let items = more.flat_map(|value| value.split(|&byte| byte == b','));
    for item in items.filter(|item| !item.trim_ascii().is_empty()) {
        if all.len() > MAX_INTERMEDIATES {
            return None;
        }
        all.push(binary(item)?);
    }
    if all.len() > MAX_INTERMEDIATES + 1 {
        return None;
    }
    let mut all = all.into_iter();
    Some(Chain {
        leaf: all.next()?,
        intermediates: all.collect(),
    })
}

/// RFC 9440: DER in base64 between colons.
fn binary(item: &[u8]) -> Option<X509> {
    let text = item.trim_ascii().strip_prefix(b":")?.strip_suffix(b":")?;
    X509::from_der(&STANDARD.decode(text).ok()?).ok()
}

/// NGINX's `$ssl_client_escaped_cert`.
fn escaped_pem(value: &[u8]) -> Option<Vec<X509>> {
    let pem: Vec<u8> = percent_decode(value).collect();
    X509::stack_from_pem(&pem).ok()
}
