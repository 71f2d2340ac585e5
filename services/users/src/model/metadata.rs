use serde::Serialize;
use serde_json::{Map, Value};

use super::Limits;
use crate::{Error, Result};

/// A JSON object that users keep here; the names are in order, as 0.9 wrote them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metadata(Value);

impl Default for Metadata {
    fn default() -> Self {
        Self(Value::Object(Map::new()))
    }
}

impl Metadata {
    /// Takes an object within the limits.
    ///
    /// # Errors
    /// When it is too large, too deep, or holds a NUL character, which no database takes.
    pub fn new(object: Map<String, Value>, limits: &Limits) -> Result<Self> {
        let object = Value::Object(object);
        let refused = || Error::MetadataMalformed {
            bytes: limits.metadata_bytes,
            depth: limits.metadata_depth,
        };
        // The depth comes first: what follows recurses.
        if !is_sound(&object, limits.metadata_depth)
            || object.to_string().len() > limits.metadata_bytes
        {
            return Err(refused());
        }
        Ok(Self::stored(object))
    }

    /// Takes what a database gives back.
    pub(crate) fn stored(mut object: Value) -> Self {
        object.sort_all_objects();
        Self(object)
    }

    /// Returns the object.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Tells whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.as_object().is_none_or(Map::is_empty)
    }
}

fn is_sound(value: &Value, depth: usize) -> bool {
    let inside = |value| depth > 0 && is_sound(value, depth - 1);
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => depth > 0 && items.iter().all(inside),
        Value::Object(fields) => {
            depth > 0
                && fields
                    .iter()
                    .all(|(name, value)| !name.contains('\0') && inside(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMITS: Limits = Limits {
        password_min: 1,
        metadata_bytes: 30,
        metadata_depth: 3,
    };

    fn accepts(value: Value) -> bool {
        let Value::Object(object) = value else {
            panic!("{value} is no object");
        };
        Metadata::new(object, &LIMITS).is_ok()
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(accepts(json!({})));
        assert!(accepts(json!({"a": {"b": [1]}})));
        assert!(!accepts(json!({"a": {"b": [[]]}})));
        assert!(accepts(json!({"a": "b".repeat(22)})));
        assert!(!accepts(json!({"a": "b".repeat(23)})));
    }

    #[test]
    fn nul_is_refused_in_names_and_texts() {
        assert!(!accepts(json!({"a\0": 1})));
        assert!(!accepts(json!({"a": ["\0"]})));
    }

    #[test]
    fn names_are_in_order() {
        let Value::Object(object) = json!({"b": {"d": 1, "c": 2}, "a": 3}) else {
            panic!("no object");
        };
        let metadata = Metadata::new(object, &LIMITS).unwrap();
        assert_eq!(metadata.value().to_string(), r#"{"a":3,"b":{"c":2,"d":1}}"#);
    }
}
