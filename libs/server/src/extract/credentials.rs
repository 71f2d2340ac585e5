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
