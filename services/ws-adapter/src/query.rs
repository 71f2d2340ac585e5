use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Returns the first value of a query parameter, decoded as a form; a comma is part of it (wart W28).
///
/// A value that is not UTF-8 counts as absent.
pub(crate) fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    if !value.contains(['%', '+']) {
        return Some(Cow::Borrowed(value));
    }
    let spaced = value.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::parameter;

    #[test]
    fn the_first_value_counts_and_w28_a_comma_belongs_to_it() {
        assert_eq!(
            parameter("authorization=a,b&authorization=c", "authorization").as_deref(),
            Some("a,b")
        );
        assert_eq!(
            parameter("x=1&authorization=a%2Cb", "authorization").as_deref(),
            Some("a,b")
        );
        assert_eq!(
            parameter("authorization=Thing+k", "authorization").as_deref(),
            Some("Thing k")
        );
        assert_eq!(
            parameter("authorization=", "authorization").as_deref(),
            Some("")
        );
        assert_eq!(
            parameter("authorization", "authorization").as_deref(),
            Some("")
        );
        assert_eq!(parameter("authorizations=a", "authorization"), None);
        assert_eq!(parameter("authorization=%ff", "authorization"), None);
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in "\\PC{0,40}", more in "[a-z=&,%+]{0,20}") {
            let query = format!("authorization={}&{more}", utf8_percent_encode(&value, NON_ALPHANUMERIC));
            let found = parameter(&query, "authorization");
            prop_assert_eq!(found.as_deref(), Some(value.as_str()));
        }

        #[test]
        fn any_query_is_read_without_a_panic(query in "\\PC{0,60}|[a-z=&,%+0-9]{0,60}") {
            let _ = parameter(&query, "a");
        }
    }
}
