use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn key() -> Key {
    Key::new(&Secret::from("secret"))
}

/// Signs whatever header and claims with the key: what somebody could do who found the secret but not the rules.
fn token(header: &str, claims: &str) -> Secret {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key().mac(&signed).finalize().into_bytes();
    Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn verify(token: &Secret) -> Option<Value> {
    key().verify(token)
}

#[test]
fn the_signature_is_that_of_rfc_7515() {
    // jwt.io's example, for the key `your-256-bit-secret`.
    let token = Secret::from(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
         eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
         SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    );
    let key = Key::new(&Secret::from("your-256-bit-secret"));
    let claims: Value = key.verify(&token).unwrap();
    assert_eq!(claims["name"], "John Doe");
    let again = key
        .sign(&json!({"sub": "1234567890", "name": "John Doe", "iat": 1_516_239_022}))
        .unwrap();
    assert_eq!(again, token);
}

#[test]
fn the_header_is_that_of_0_9() {
    let signed = key().sign(&json!({})).unwrap();
    assert_eq!(signed, token(r#"{"alg":"HS256","typ":"JWT"}"#, "{}"));
}

#[test]
fn only_hs256_is_accepted() {
    assert!(verify(&token(r#"{"alg":"HS256"}"#, "{}")).is_some());
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":["HS256"]}"#,
        "[]",
        "",
    ] {
        assert_eq!(verify(&token(header, "{}")), None, "{header}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let good = key().sign(&json!({"a": 1})).unwrap();
    let text = good.expose();
    let unsigned = &text[..=text.rfind('.').unwrap()];
    let long = "x".repeat(MAX_BYTES + 1);
    let other = Key::new(&Secret::from("other")).sign(&json!({})).unwrap();
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        unsigned,
        &text[1..],
        &format!("{text}="),
        &format!("{text}.x"),
        &format!(" {text}"),
        &long,
        other.expose(),
    ] {
        assert_eq!(verify(&Secret::from(bad)), None, "{bad}");
    }
    assert_eq!(verify(&token(HEADER, "{")), None);
}

proptest! {
    #[test]
    fn nothing_unsigned_is_accepted(text in "\\PC{0,80}|[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,3}") {
        prop_assert_eq!(verify(&Secret::new(text)), None);
    }

    #[test]
    fn a_token_changed_anywhere_is_refused(at in 0_usize..1000, with in "[A-Za-z0-9_.=-]") {
        let good = key().sign(&json!({"sub": "a@example.com", "exp": 1})).unwrap();
        let at = at % good.expose().len();
        let mut bad = good.expose().to_owned();
        bad.replace_range(at..=at, &with);
        prop_assume!(bad != good.expose());
        prop_assert_eq!(verify(&Secret::new(bad)), None);
    }

    #[test]
    fn claims_survive(sub in "\\PC{0,100}", iat in any::<i64>()) {
        let claims = json!({"sub": sub, "iat": iat});
        prop_assert_eq!(verify(&key().sign(&claims).unwrap()), Some(claims));
    }
}
