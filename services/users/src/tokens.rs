//! What a token says, and for how long it says so.

use std::time::Duration;

use model::{Secret, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::jwt::Key;
use crate::model::{Account, Email};
use crate::{Error, Result};

const ISSUER: &str = "mainflux";
/// How far the clocks of two replicas may be apart.
const LEEWAY_SECONDS: i64 = 5;

/// The claims of 0.9, and which user and password the token is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Seconds since 1970 at which the token ends.
    exp: i64,
    /// Seconds since 1970 at which it was issued.
    iat: i64,
    iss: String,
    /// Seconds since 1970 before which it is not good; we issue none.
    #[serde(default, skip_serializing)]
    nbf: Option<i64>,
    sub: String,
    /// The user, who may be gone although somebody has the address.
    #[serde(rename = "uid")]
    pub(crate) user: UserId,
    /// The generation of the password.
    #[serde(rename = "gen")]
    pub(crate) generation: i64,
}

/// Issues and reads tokens.
pub(crate) struct Tokens {
    key: Key,
    duration: Duration,
}

impl Tokens {
    pub(crate) fn new(secret: &Secret, duration: Duration) -> Self {
        Self {
            key: Key::new(secret),
            duration,
        }
    }

    /// Issues a token for a user as they are now.
    pub(crate) fn issue(&self, account: &Account, now: Timestamp) -> Secret {
        let iat = now.seconds();
        let seconds = i64::try_from(self.duration.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            exp: iat.saturating_add(seconds),
            iat,
            iss: ISSUER.to_owned(),
            nbf: None,
            sub: account.user.email.as_str().to_owned(),
            user: account.user.id,
            generation: account.generation,
        };
        let token = self.key.sign(&claims);
        token.expect("claims are texts and numbers under text keys")
    }

    /// Returns what a token says, if it is ours and this is its time.
    ///
    /// Whether its user and password are still there only the database knows.
    pub(crate) fn read(&self, token: &Secret, now: Timestamp) -> Result<Claims> {
        let claims: Claims = self.key.verify(token).ok_or(Error::TokenInvalid)?;
        let now = now.seconds();
        let soon = now.saturating_add(LEEWAY_SECONDS);
        let begun = claims.iat <= soon && claims.nbf.is_none_or(|nbf| nbf <= soon);
        if claims.iss != ISSUER || !begun || claims.sub.parse::<Email>().is_err() {
            return Err(Error::TokenInvalid);
        }
        if claims.exp <= now {
            return Err(Error::TokenExpired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Metadata, User};

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_999_999);

    fn tokens() -> Tokens {
        Tokens::new(&Secret::from("secret"), Duration::from_secs(36_000))
    }

    fn account() -> Account {
        Account {
            user: User {
                id: UserId::random(),
                email: "john.doe@email.com".parse().unwrap(),
                metadata: Metadata::default(),
                created_at: NOW,
            },
            password: Secret::default(),
            generation: 3,
        }
    }

    /// Reads a token whose claims differ from good ones.
    fn read_with(change: &Value) -> Result<Claims> {
        let good = tokens().issue(&account(), NOW);
        let mut claims: Value = tokens().key.verify(&good).unwrap();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        tokens().read(&tokens().key.sign(&claims).unwrap(), NOW)
    }

    #[test]
    fn the_claims_are_those_of_0_9_and_two_more() {
        let account = account();
        let token = tokens().issue(&account, NOW);
        let claims: Value = tokens().key.verify(&token).unwrap();
        let iat = 1_700_000_000;
        let expected = json!({"exp": iat + 36_000, "iat": iat, "iss": "mainflux", "sub": "john.doe@email.com",
            "uid": account.user.id, "gen": 3});
        assert_eq!(claims, expected);
        let read = tokens().read(&token, NOW).unwrap();
        assert_eq!((read.user, read.generation), (account.user.id, 3));
    }

    #[test]
    fn w12_a_token_ends_with_its_last_second() {
        let token = tokens().issue(&account(), NOW);
        let at = |seconds: i64, micros: i64| Timestamp::from_micros(seconds * 1_000_000 + micros);
        let end = 1_700_036_000;
        assert!(tokens().read(&token, at(end - 1, 999_999)).is_ok());
        assert_eq!(tokens().read(&token, at(end, 0)), Err(Error::TokenExpired));
    }

    #[test]
    fn w12_the_issuer_and_the_times_are_checked() {
        let now = NOW.seconds();
        assert!(read_with(&json!({})).is_ok());
        for change in [
            json!({"iss": "somebody"}),
            json!({"iss": null}),
            json!({"iat": now + 6}),
            json!({"nbf": now + 6}),
            json!({"exp": "never"}),
            json!({"exp": null}),
            json!({"sub": "nobody"}),
            json!({"uid": "1"}),
            json!({"gen": null}),
        ] {
            assert_eq!(read_with(&change), Err(Error::TokenInvalid), "{change}");
        }
        assert_eq!(read_with(&json!({"exp": now})), Err(Error::TokenExpired));
        assert!(read_with(&json!({"iat": now + 5, "nbf": now + 5})).is_ok());
    }

    #[test]
    fn another_secret_is_not_ours() {
        let token = tokens().issue(&account(), NOW);
        let other = Tokens::new(&Secret::from("other"), Duration::from_secs(1));
        assert_eq!(other.read(&token, NOW), Err(Error::TokenInvalid));
    }
}
