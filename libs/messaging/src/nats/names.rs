//! Names of consumers that the server accepts: it takes no dots, wildcards, slashes or white space, and 255 bytes.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::registry::Generation;

/// How much of the original name is kept for people who list the consumers.
const READABLE: usize = 32;

/// Returns a name that stands for this one alone: its beginning in safe letters, and a hash of the whole.
pub(super) fn durable(name: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let mut durable: String = name.chars().take(READABLE).map(safe).collect();
    durable.push('-');
    for byte in &Sha256::digest(name)[..16] {
        write!(durable, "{byte:02x}").expect("writing to a String cannot fail");
    }
    durable
}

/// Returns the name of the consumer on the server for one subject of one generation.
pub(super) fn part(durable: &str, generation: Generation, part: usize) -> String {
    format!("{durable}-{generation}-{part}")
}

/// Returns the name of the consumer on the server for one subject of a name that is shared.
pub(super) fn shared_part(durable: &str, part: usize) -> String {
    format!("{durable}-shared-{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_that_the_server_takes() {
        for name in ["writer", "mqtt/a.b *>\\\n", "ü", "", &"x".repeat(70_000)] {
            let part = part(&durable(name), Generation::new(), 1);
            assert!(part.len() <= 255, "{part}");
            let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            assert!(part.chars().all(good), "{part}");
        }
        assert!(durable("writer").starts_with("writer-"));
    }

    #[test]
    fn names_that_look_alike_stay_apart() {
        assert_ne!(durable("a.b"), durable("a_b"));
        assert_ne!(durable(&"x".repeat(100)), durable(&"x".repeat(101)));
    }
}
