//! The W3C trace context of a request (<https://www.w3.org/TR/trace-context/>).

use http::HeaderMap;

/// Returns the `traceparent` of a request when it is a valid one.
///
/// Longer texts of later versions are cut to what this version defines, as the standard asks.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let text = value.to_str().ok()?;
    let (head, rest) = text.split_at_checked(55)?;
    let valid = is_traceparent(head)
        && (rest.is_empty() || rest.starts_with('-') && !head.starts_with("00"));
    valid.then(|| head.to_owned())
}

fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut hex = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        part.bytes().all(lower).then_some(part)
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags)) =
        (hex(2), hex(32), hex(16), hex(2))
    else {
        return false;
    };
    version != "ff"
        && [trace, parent]
            .iter()
            .all(|id| id.bytes().any(|byte| byte != b'0'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(text: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", HeaderValue::from_str(text).unwrap());
        traceparent(&headers)
    }

    #[test]
    fn a_valid_one_is_carried() {
        assert_eq!(of(VALID).as_deref(), Some(VALID));
        let later = VALID.replacen("00", "01", 1);
        assert_eq!(of(&format!("{later}-more")), Some(later));
    }

    #[test]
    fn anything_else_is_not() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            VALID.to_uppercase(),
            format!("{VALID}-more"),
            format!("{VALID}x"),
            VALID.replacen("00", "ff", 1),
            VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros),
            VALID.replace("00f067aa0ba902b7", &zeros[..16]),
            VALID.replace('-', "_"),
        ] {
            assert_eq!(of(&text), None, "{text}");
        }
        let mut twice = HeaderMap::new();
        twice.append("traceparent", HeaderValue::from_static(VALID));
        twice.append("traceparent", HeaderValue::from_static(VALID));
        assert_eq!(traceparent(&twice), None);
    }

    proptest! {
        #[test]
        fn what_is_carried_is_safe(text in "[ -~]{0,70}|0[01]-[0-9a-f]{32}-[0-9a-f]{16}-0[01][ -~]{0,5}") {
            if let Some(carried) = of(&text) {
                prop_assert!(carried.len() == 55 && carried.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
            }
        }
    }
}
