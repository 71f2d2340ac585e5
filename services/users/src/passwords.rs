//! Hashing of passwords: Argon2id with OWASP's parameters, on the blocking threads, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use model::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::model::Password;
use crate::{Error, Result};

/// 19 MiB, two passes, one lane: OWASP's first recommendation without a GPU-sized memory.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// How long a caller waits for its turn.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);
/// A hash that no password has, made with the same parameters.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4uLg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes passwords; as many at a time as there are processors, because each takes its memory.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    wait: Duration,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            turns: Arc::new(Semaphore::new(processors)),
            wait: WAIT_TIMEOUT,
        }
    }

    /// Returns the hash of a password with a salt of its own.
    pub(crate) async fn hash(&self, password: Password) -> Result<Secret> {
        self.run(move || {
            let mut salt = [0; SALT_BYTES];
            getrandom::fill(&mut salt).map_err(failed)?;
            let salt = SaltString::encode_b64(&salt).map_err(failed)?;
            let hash = argon2()?.hash_password(password.bytes(), &salt);
            Ok(Secret::new(hash.map_err(failed)?.to_string()))
        })
        .await
    }

    /// Tells whether the hash is of this password; without a hash it is not, after the same work.
    pub(crate) async fn verify(&self, password: Password, hash: Option<Secret>) -> Result<bool> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| Secret::from(NOBODY));
            let hash = PasswordHash::new(hash.expose()).map_err(failed)?;
            let same = argon2()?.verify_password(password.bytes(), &hash).is_ok();
            Ok(same && known)
        })
        .await
    }

    /// Holds the turn until the work is done, even when the caller went away.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn().await?;
        spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(failed)?
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        timeout(self.wait, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Error::Busy)?
            .map_err(failed)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl std::fmt::Display) -> Error {
    tracing::error!(%error, "a password cannot be hashed");
    Error::Other(model::Error::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::presented(Secret::from(text)).unwrap()
    }

    #[tokio::test]
    async fn a_hash_knows_its_password() {
        let passwords = Passwords::new();
        let hash = passwords.hash(password("123")).await.unwrap();
        let again = passwords.hash(password("123")).await.unwrap();
        assert_ne!(hash, again, "the salt is random");
        let verify = async |text| {
            let hash = Some(hash.clone());
            passwords.verify(password(text), hash).await.unwrap()
        };
        assert!(verify("123").await);
        assert!(!verify("124").await);
    }

    #[tokio::test]
    async fn the_hash_of_nobody_has_the_same_parameters_and_no_password() {
        let passwords = Passwords::new();
        assert!(!passwords.verify(password("123"), None).await.unwrap());
        let hash = passwords.hash(password("123")).await.unwrap();
        let hash = PasswordHash::new(hash.expose()).unwrap();
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(
            (hash.algorithm, hash.version),
            (nobody.algorithm, nobody.version)
        );
        assert_eq!(hash.params, nobody.params);
        let lengths =
            |hash: &PasswordHash<'_>| (hash.salt.unwrap().as_str().len(), hash.hash.unwrap().len());
        assert_eq!(lengths(&hash), lengths(&nobody));
    }

    #[tokio::test]
    async fn w12_an_unknown_user_waits_for_a_turn_like_any_other() {
        let passwords = Passwords {
            wait: Duration::from_millis(1),
            ..Passwords::new()
        };
        let all = u32::try_from(passwords.turns.available_permits()).unwrap();
        let turns = passwords.turns.acquire_many(all).await.unwrap();
        let verify = || passwords.verify(password("123"), None);
        assert_eq!(verify().await, Err(Error::Busy));
        drop(turns);
        assert_eq!(verify().await, Ok(false));
    }
}
