use serde_json::Value;

use super::{Limits, Metadata, Name};
use crate::{Error, Result};

/// A choice among things or channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Text the name has to contain, in any case.
    pub name: Option<String>,
    /// An object the metadata has to contain.
    pub metadata: Option<Value>,
}

impl Filter {
    /// Chooses what contains an object, read from JSON; without a text, or with an empty object, everything.
    ///
    /// # Errors
    /// [`Error::FilterMalformed`].
    pub fn of_metadata(text: Option<&str>, limits: &Limits) -> Result<Self> {
        let malformed = || Error::FilterMalformed("metadata");
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let value: Value = serde_json::from_str(text).map_err(|_| malformed())?;
        let metadata = Metadata::parse(Some(value), limits).map_err(|_| malformed())?;
        Ok(Self {
            name: None,
            metadata: metadata.value(),
        })
    }

    /// Tells whether it leaves out nothing.
    pub fn is_everything(&self) -> bool {
        self.name.is_none() && self.metadata.is_none()
    }

    /// Chooses among these what has a text in its name; an empty text is in every name.
    ///
    /// # Errors
    /// [`Error::NameMalformed`] when no name could have the text.
    pub fn named(self, text: &str) -> Result<Self> {
        Name::parse(text.to_owned())?;
        let name = (!text.is_empty()).then(|| text.to_owned());
        Ok(Self { name, ..self })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const LIMITS: Limits = Limits {
        metadata_bytes: 64,
        metadata_depth: 3,
        bulk: 10,
        body_bytes: 1024,
    };

    #[test]
    fn w29_a_comma_and_two_keys_can_be_asked_for() {
        let filter = Filter::of_metadata(Some(r#"{"a":1,"b":2}"#), &LIMITS).unwrap();
        assert_eq!(filter.metadata, Some(json!({"a": 1, "b": 2})));
        let filter = filter.named("a,b").unwrap();
        assert_eq!(filter.name.as_deref(), Some("a,b"));
    }

    #[test]
    fn what_is_empty_chooses_everything() {
        for text in [None, Some("{}"), Some("null")] {
            let filter = Filter::of_metadata(text, &LIMITS).unwrap();
            assert_eq!(filter.named("").unwrap(), Filter::default(), "{text:?}");
        }
    }

    #[test]
    fn metadata_has_to_be_an_object() {
        for bad in [
            "",
            "[]",
            "1",
            "\"a\"",
            "{",
            "{\"a\":",
            r#"{"a":"\u0000"}"#,
            "{} x",
        ] {
            assert_eq!(
                Filter::of_metadata(Some(bad), &LIMITS),
                Err(Error::FilterMalformed("metadata")),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_query_breaks_it(text in ".{0,20}|[{}\":,a0]{0,20}", name in ".{0,20}") {
            if let Ok(filter) = Filter::of_metadata(Some(&text), &LIMITS) {
                prop_assert!(filter.metadata.is_none_or(|value| value.is_object()));
            }
            if let Ok(filter) = Filter::default().named(&name) {
                prop_assert_eq!(filter.name.unwrap_or_default(), name);
            }
        }
    }
}
