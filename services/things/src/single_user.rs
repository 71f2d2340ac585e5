use async_trait::async_trait;
use model::{Caller, Error, ErrorKind, Result, Secret, UserId};
use proto::users::Users;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Builder;

/// The users role of an installation with one user and one token, both from the configuration.
#[derive(Clone, Debug)]
pub struct SingleUser {
    caller: Caller,
    token: Secret,
}

impl SingleUser {
    /// Makes the user; the id follows from the e-mail address, so that it is the same after every start.
    pub fn new(email: &str, token: Secret) -> Self {
        let digest: [u8; 32] = Sha256::digest(email.as_bytes()).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        let caller = Caller {
            user: UserId::from(Builder::from_custom_bytes(bytes).into_uuid()),
            email: email.to_owned(),
        };
        Self { caller, token }
    }
}

#[async_trait]
impl Users for SingleUser {
    async fn authenticate(&self, token: &Secret) -> Result<Caller> {
        let (given, own) = (token.expose().as_bytes(), self.token.expose().as_bytes());
        // The digests are of one length, so that the comparison does not tell how long the token is.
        let equal = Sha256::digest(given).ct_eq(&Sha256::digest(own));
        if bool::from(equal) {
            return Ok(self.caller.clone());
        }
        Err(Error::new(
            ErrorKind::Unauthenticated,
            "token_invalid",
            "the token is not that of the configured user",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_configured_token_is_good() {
        let users = SingleUser::new("a@b.c", Secret::from("token"));
        let caller = users.authenticate(&Secret::from("token")).await.unwrap();
        assert_eq!(caller.email, "a@b.c");
        for bad in ["", "toke", "token ", "Token"] {
            let error = users.authenticate(&Secret::from(bad)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthenticated, "{bad}");
        }
    }

    #[test]
    fn the_id_follows_from_the_email() {
        let id = |email| SingleUser::new(email, Secret::from("t")).caller.user;
        assert_eq!(id("a@b.c"), id("a@b.c"));
        assert_ne!(id("a@b.c"), id("a@b.d"));
    }
}
