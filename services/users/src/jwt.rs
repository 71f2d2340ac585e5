//! JSON web tokens signed with HMAC-SHA-256, and no other kind.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use model::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// The header of 0.9's tokens.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
/// No token of ours is nearly as long.
const MAX_BYTES: usize = 4096;

/// What signs tokens.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood: we understand none.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

impl Key {
    pub(crate) fn new(secret: &Secret) -> Self {
        let mac = Hmac::new_from_slice(secret.expose().as_bytes());
        Self(mac.expect("HMAC takes keys of any length"))
    }

    /// Returns a token with these claims.
    pub(crate) fn sign<T: Serialize>(&self, claims: &T) -> serde_json::Result<Secret> {
        let claims = serde_json::to_string(claims)?;
        let mut token = URL_SAFE_NO_PAD.encode(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.mac(&token).finalize().into_bytes();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::new(token))
    }

    /// Returns the claims of a token, if it was signed with this key; whether they hold now is not looked at.
    pub(crate) fn verify<T: DeserializeOwned>(&self, token: &Secret) -> Option<T> {
        let token = token.expose();
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = decode(signature)?;
        // Constant time, and before anything in the token is believed.
        self.mac(signed).verify_slice(&signature).ok()?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.alg != "HS256" || header.crit.is_some() {
            return None;
        }
        serde_json::from_slice(&decode(claims)?).ok()
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        mac
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests;
