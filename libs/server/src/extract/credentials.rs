use std::convert::Infallible;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use model::{Credentials, Error, ErrorKind, Secret};

/// The token of the user who asks, from the `Authorization` header: raw as in 0.9, or `Bearer <token>`.
///
/// Taking it out never fails: in 0.9 a bad body is told before a missing token. Call [`Self::require`].
#[derive(Clone, Debug)]
pub struct UserToken(Option<Secret>);

impl UserToken {
    /// Returns the token, or the error that says it is missing.
    pub fn require(&self) -> Result<&Secret, Error> {
        self.0.as_ref().ok_or_else(|| {
            let hint = "the Authorization header must hold a token from POST /tokens";
            Error::new(ErrorKind::Unauthenticated, "token_missing", hint)
        })
    }
}

impl<S: Sync> FromRequestParts<S> for UserToken {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(header(parts).and_then(parse_user_token)))
    }
}

/// The credentials of the thing that asks, from the `Authorization` header; see [`parse_thing_credentials`].
///
/// Taking them out never fails: in 0.9 a bad path is told before bad credentials. Call [`Self::require`].
#[derive(Clone, Debug)]
pub struct ThingCredentials(Result<Credentials, Error>);

impl ThingCredentials {
    /// Returns the credentials, or the error that says what is wrong with them.
    pub fn require(&self) -> Result<&Credentials, Error> {
        self.0.as_ref().map_err(Clone::clone)
    }

    /// Returns the credentials, or nothing when there are none; malformed ones are an error all the same.
    pub fn optional(self) -> Result<Option<Credentials>, Error> {
        if self.is_missing() {
            return Ok(None);
        }
        self.0.map(Some)
    }

    /// Tells whether there is no `Authorization` header, so that another place may be looked at.
    pub fn is_missing(&self) -> bool {
        self.0.as_ref().is_err_and(|error| error.code == MISSING)
    }
}

impl<S: Sync> FromRequestParts<S> for ThingCredentials {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parse_thing_credentials(
            header(parts).unwrap_or_default(),
        )))
    }
}

const MISSING: &str = "credentials_missing";

fn header(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?;
    std::str::from_utf8(value.as_bytes()).ok()
}

/// Reads a user's token, raw or after `Bearer`; nothing when it is empty.
pub fn parse_user_token(text: &str) -> Option<Secret> {
    let token = strip_scheme(text, "Bearer").unwrap_or(text).trim();
    (!token.is_empty()).then(|| Secret::from(token))
}

/// Reads a thing's credentials: the raw key as in 0.9, `Thing <key>`, or `Basic` with id and key.
///
/// Basic without an id is the key alone.
pub fn parse_thing_credentials(text: &str) -> Result<Credentials, Error> {
    let text = text.trim();
    if let Some(encoded) = strip_scheme(text, "Basic") {
        return basic(encoded).ok_or_else(malformed);
    }
    let key = strip_scheme(text, "Thing").unwrap_or(text);
    if key.is_empty() {
        let hint = "the Authorization header must hold the key of a thing";
        return Err(Error::new(ErrorKind::Unauthenticated, MISSING, hint));
    }
    Ok(Credentials::Key(Secret::from(key)))
}

/// Returns what follows the scheme, whose case does not matter.
fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (first, rest) = text.split_once(' ')?;
    first.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn basic(encoded: &str) -> Option<Credentials> {
    let plain = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let plain = Secret::new(plain);
    let (id, key) = plain.expose().split_once(':')?;
    if key.is_empty() {
        return None;
    }
    let key = Secret::from(key);
    if id.is_empty() {
        return Some(Credentials::Key(key));
    }
    Some(Credentials::Pair(id.parse().ok()?, key))
}

fn malformed() -> Error {
    let hint = "after 'Basic' comes the base64 of 'thing id:key'";
    Error::new(ErrorKind::Unauthenticated, "credentials_malformed", hint)
}

#[cfg(test)]
mod tests {
    use model::ThingId;
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> Result<Credentials, Error> {
        Ok(Credentials::Key(Secret::from(text)))
    }

    fn encode(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_key_comes_raw_or_after_its_scheme() {
        assert_eq!(parse_thing_credentials("abc"), key("abc"));
        assert_eq!(parse_thing_credentials("Thing abc"), key("abc"));
        assert_eq!(parse_thing_credentials("thing  abc "), key("abc"));
        assert_eq!(parse_thing_credentials("a b"), key("a b"));
        assert_eq!(parse_thing_credentials("Thing"), key("Thing"));
        assert_eq!(parse_thing_credentials(&encode(":abc")), key("abc"));
    }

    #[test]
    fn basic_is_id_and_key() {
        let id = ThingId::random();
        let pair = Credentials::Pair(id, Secret::from("a:b"));
        assert_eq!(
            parse_thing_credentials(&encode(format!("{id}:a:b"))),
            Ok(pair)
        );
    }

    #[test]
    fn malformed_basic_is_refused() {
        let no_utf8 = encode([b':', 0xff]);
        let no_key = encode(format!("{}:", ThingId::random()));
        for text in [
            "Basic ???",
            "Basic YWJj",
            &encode("no-uuid:key"),
            &no_utf8,
            &no_key,
        ] {
            let error = parse_thing_credentials(text).unwrap_err();
            assert_eq!(
                (error.kind, &*error.code),
                (ErrorKind::Unauthenticated, "credentials_malformed"),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_is_missing() {
        for text in ["", " ", "  ", "x"] {
            let missing = parse_thing_credentials(text).is_err_and(|error| error.code == MISSING);
            assert_eq!(missing, text.trim().is_empty(), "{text}");
        }
        assert_eq!(parse_user_token(""), None);
    }

    #[test]
    fn a_token_comes_raw_or_as_bearer() {
        for text in ["a.b.c", "Bearer a.b.c", "bearer a.b.c", " a.b.c "] {
            assert_eq!(
                parse_user_token(text),
                Some(Secret::from("a.b.c")),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn anything_is_credentials_or_a_refusal(text in "(Basic |Thing |)\\PC{0,40}") {
            match parse_thing_credentials(&text) {
                Ok(credentials) => prop_assert!(!credentials.key().is_empty()),
                Err(error) => prop_assert_eq!(error.kind, ErrorKind::Unauthenticated),
            }
        }
    }
}
