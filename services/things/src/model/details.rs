use serde_json::{Map, Value};

use super::Limits;
use crate::{Error, Result};

/// The most bytes a name may have.
const MAX_NAME_BYTES: usize = 1024;

/// What an owner says about a thing or a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Its name.
    pub name: Name,
    /// Its metadata.
    pub metadata: Metadata,
}

/// A name for people: not unique, possibly empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Accepts at most 1024 bytes without control characters.
    ///
    /// # Errors
    /// [`Error::NameMalformed`].
    pub fn parse(text: String) -> Result<Self> {
        if text.len() > MAX_NAME_BYTES || text.contains(char::is_control) {
            return Err(Error::NameMalformed);
        }
        Ok(Self(text))
    }

    /// Takes a name that was accepted before.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A JSON object of the owner's, possibly empty, whose keys are in order at every level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Accepts an object within the limits; nothing and `null` are the empty one.
    ///
    /// # Errors
    /// [`Error::MetadataMalformed`].
    pub fn parse(value: Option<Value>, limits: &Limits) -> Result<Self> {
        let malformed = || Error::MetadataMalformed {
            bytes: limits.metadata_bytes,
            depth: limits.metadata_depth,
        };
        let map = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(malformed()),
        };
        let value = Value::Object(map);
        if !is_storable(&value, limits.metadata_depth)
            || value.to_string().len() > limits.metadata_bytes
        {
            return Err(malformed());
        }
        Ok(Self::stored(Some(value)))
    }

    /// Takes metadata that was accepted before.
    pub(crate) fn stored(value: Option<Value>) -> Self {
        match value {
            Some(mut value @ Value::Object(_)) => {
                value.sort_all_objects();
                Self(value.as_object().cloned().unwrap_or_default())
            }
            _ => Self::default(),
        }
    }

    /// Returns the object, or nothing when it is empty.
    pub fn value(&self) -> Option<Value> {
        (!self.0.is_empty()).then(|| Value::Object(self.0.clone()))
    }
}

/// Tells whether both databases can keep the value: PostgreSQL has no NUL in its texts.
fn is_storable(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_storable(item, depth - 1)),
        Value::Object(map) => {
            depth > 0
                && map
                    .iter()
                    .all(|(key, item)| !key.contains('\0') && is_storable(item, depth - 1))
        }
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

    fn parse(value: Value) -> Result<Option<Value>> {
        Metadata::parse(Some(value), &LIMITS).map(|metadata| metadata.value())
    }

    #[test]
    fn only_an_object_is_metadata() {
        assert_eq!(parse(json!(null)), Ok(None));
        assert_eq!(parse(json!({})), Ok(None));
        assert_eq!(parse(json!({"a": [1]})), Ok(Some(json!({"a": [1]}))));
        for bad in [json!([]), json!("text"), json!(1), json!(true)] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn size_depth_and_nul_are_refused() {
        assert!(parse(json!({"a": {"b": {"c": 1}}})).is_ok());
        assert!(parse(json!({"a": {"b": {"c": []}}})).is_err());
        assert!(parse(json!({"a": "x".repeat(60)})).is_err());
        assert!(parse(json!({"a": "\0"})).is_err());
        assert!(parse(json!({"a": [{"\0": 1}]})).is_err());
    }

    #[test]
    fn keys_are_sorted_at_every_level() {
        let value = parse(json!({"b": {"z": 1, "y": 2}, "a": 0}))
            .unwrap()
            .unwrap();
        assert_eq!(value.to_string(), r#"{"a":0,"b":{"y":2,"z":1}}"#);
    }

    proptest! {
        #[test]
        fn names_are_kept_as_they_are_or_refused(text in ".{0,40}|\\PC{0,40}|é{500,520}") {
            match Name::parse(text.clone()) {
                Ok(name) => prop_assert_eq!(name.as_str(), text),
                Err(_) => prop_assert!(text.len() > 1024 || text.contains(char::is_control)),
            }
        }

        #[test]
        fn any_json_text_is_accepted_within_the_limits_or_refused(text in "[\\[\\]{}:,\"a0\\\\u-]{0,60}") {
            let Ok(value) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
            if let Ok(Some(value)) = parse(value) {
                prop_assert!(value.is_object() && value.to_string().len() <= LIMITS.metadata_bytes);
            }
        }
    }
}
