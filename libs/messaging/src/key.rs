use model::{Error, ErrorKind, Result};

/// The longest key of a bucket.
const MAX_BYTES: usize = 256;

/// Refuses what is no key of a bucket; both backends take the same.
pub(crate) fn check(key: &str) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=/.".contains(&byte);
    let fits = (1..=MAX_BYTES).contains(&key.len());
    if fits && key.bytes().all(good) && key.split('.').all(|part| !part.is_empty()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        "bucket_key",
        "a key has 1 to 256 ASCII letters, digits, '-', '_', '=', '/' and '.', and no '.' at either end or twice in a row",
    ))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn keys_are_what_every_backend_can_hold() {
        for good in ["a", "a.b/c=", "A-_9", &"k".repeat(256)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".a",
            "a.",
            "a..b",
            "a b",
            "ä",
            "a*",
            "a>",
            "a\0",
            &"k".repeat(257),
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
