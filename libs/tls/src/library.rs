use config::{Environment, Problems};

/// The oldest OpenSSL without a known fault that concerns us: 3.6.2.
const OLDEST: i64 = 0x3060_0020;

/// Says when the OpenSSL that is linked is too old; with `MF_TLS_STRICT` that stops the start.
pub fn check_library(
    environment: &Environment,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) {
    let Some(text) = outdated(openssl::version::number(), openssl::version::version()) else {
        return;
    };
    if crate::settings::is_strict(environment) {
        problems.push("MF_TLS_STRICT", format!("is true, but {text}"));
    } else {
        warnings.push(text);
    }
}

fn outdated(number: i64, version: &str) -> Option<String> {
    (number < OLDEST).then(|| format!("the TLS library is {version}; 3.6.2 or later is needed"))
}

#[cfg(test)]
mod tests {
    use super::{check_library, outdated};
    use config::{Environment, Problems};

    /// Row 103.
    #[test]
    fn an_old_library_is_told_and_refused_when_strict() {
        assert_eq!(outdated(0x3060_0020, "OpenSSL 3.6.2"), None);
        assert_eq!(outdated(0x4000_0000, "OpenSSL 4.0.0"), None);
        for (number, version) in [
            (0x3060_0010, "OpenSSL 3.6.1"),
            (0x3000_0140, "OpenSSL 3.0.20"),
        ] {
            let text = outdated(number, version).unwrap();
            assert!(text.contains(version) && text.contains("3.6.2"), "{text}");
        }
    }

    #[test]
    fn the_library_that_is_linked_is_new_enough() {
        let environment: Environment = [("MF_TLS_STRICT".to_owned(), "true".to_owned())]
            .into_iter()
            .collect();
        let (mut problems, mut warnings) = (Problems::new(), Vec::new());
        check_library(&environment, &mut problems, &mut warnings);
        assert!(problems.is_empty() && warnings.is_empty(), "{problems}");
    }
}
