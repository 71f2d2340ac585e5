//! How thing keys are kept: a keyed hash to find them by, and a ciphertext because the 0.9 API shows them again.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use model::{BoxError, Secret, ThingId};
use sha2::Sha256;

use crate::model::Key;

/// The form of a ciphertext: this byte, a nonce, what AES-256-GCM makes of the key.
const FORM: u8 = 1;
/// The bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// The keys derived from the installation's secret.
pub(crate) struct Keyring {
    hash: [u8; 32],
    mark: [u8; 32],
    cipher: Aes256Gcm,
}

impl Keyring {
    /// Derives the keys; the labels keep one from standing in for another.
    pub(crate) fn new(secret: &Secret) -> Self {
        let derive = |label: &[u8]| hmac(secret.expose().as_bytes(), label);
        Self {
            hash: derive(b"thing key hash v1"),
            mark: derive(b"installation mark v1"),
            cipher: Aes256Gcm::new(&derive(b"thing key encryption v1").into()),
        }
    }

    /// Returns what tells whether a database was written with the same secret.
    pub(crate) fn mark(&self) -> &[u8] {
        &self.mark
    }

    /// Returns what a key is found by.
    pub(crate) fn hash(&self, key: &Secret) -> [u8; 32] {
        hmac(&self.hash, key.expose().as_bytes())
    }

    /// Encrypts a key so that only the row of this thing can show it.
    pub(crate) fn seal(&self, thing: ThingId, key: &Key) -> Result<Vec<u8>, BoxError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let thing = thing.uuid();
        let payload = Payload {
            msg: key.secret().expose().as_bytes(),
            aad: thing.as_bytes(),
        };
        let ciphertext = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| "a key could not be encrypted")?;
        Ok([&[FORM], nonce.as_slice(), &ciphertext].concat())
    }

    /// Decrypts a key.
    ///
    /// # Errors
    /// When it was sealed for another thing or with another secret, or is damaged.
    pub(crate) fn open(&self, thing: ThingId, sealed: &[u8]) -> Result<Key, BoxError> {
        let damaged = || format!("the key of thing {thing} cannot be decrypted");
        let body = sealed.strip_prefix(&[FORM]).ok_or_else(damaged)?;
        let (nonce, msg) = body
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(damaged)?;
        let uuid = thing.uuid();
        let payload = Payload {
            msg,
            aad: uuid.as_bytes(),
        };
        let plain = self
            .cipher
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| damaged())?;
        let text = String::from_utf8(plain).map_err(|_| damaged())?;
        Ok(Key::stored(text))
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(data).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(secret: &str) -> Keyring {
        Keyring::new(&Secret::from(secret))
    }

    #[test]
    fn a_key_opens_for_its_thing_only() {
        let (ring, key, thing) = (keyring("secret"), Key::random(), ThingId::random());
        let sealed = ring.seal(thing, &key).unwrap();
        assert_eq!(ring.open(thing, &sealed).unwrap(), key);
        assert!(ring.open(ThingId::random(), &sealed).is_err());
        assert!(keyring("other").open(thing, &sealed).is_err());
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let (ring, thing) = (keyring("secret"), ThingId::random());
        let sealed = ring.seal(thing, &Key::random()).unwrap();
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(ring.open(thing, &damaged).is_err(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(
                ring.open(thing, &sealed[..length]).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn neither_form_shows_the_key_or_repeats_a_ciphertext() {
        let (ring, thing) = (keyring("secret"), ThingId::random());
        let key = Key::parse("hunter2hunter2").unwrap();
        let (one, two) = (
            ring.seal(thing, &key).unwrap(),
            ring.seal(thing, &key).unwrap(),
        );
        assert_ne!(one, two);
        assert!(!one.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(
            ring.hash(key.secret()),
            keyring("secret").hash(key.secret())
        );
        assert_ne!(ring.hash(key.secret()), keyring("other").hash(key.secret()));
    }
}
