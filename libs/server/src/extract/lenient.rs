use serde::de::value::SeqDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// JSON read as Go reads it into a struct: names in any case, `null` as if the field were not there.
pub(super) struct Lenient(pub(super) Value);

impl<'de> Deserializer<'de> for Lenient {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                SeqDeserializer::new(items.into_iter().map(Lenient)).deserialize_any(visitor)
            }
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_map(Fields::new(Map::new())),
            Value::Object(fields) => visitor.visit_map(Fields::new(fit(fields, names))),
            // Derived structs would take a list as their fields in order.
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Lenient(other)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Lenient {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Gives fields the names the struct has and drops those that are null; the last of equal names wins.
fn fit(fields: Map<String, Value>, names: &'static [&'static str]) -> Map<String, Value> {
    let mut fitted = Map::new();
    for (key, value) in fields {
        if value.is_null() {
            continue;
        }
        let same = |name: &&&str| name.eq_ignore_ascii_case(&key);
        let name = names.iter().find(same).map(|name| (*name).to_owned());
        fitted.insert(name.unwrap_or(key), value);
    }
    fitted
}

struct Fields {
    rest: serde_json::map::IntoIter,
    current: Option<(String, Value)>,
}

impl Fields {
    fn new(fields: Map<String, Value>) -> Self {
        Self {
            rest: fields.into_iter(),
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.rest.next();
        let Some((key, _)) = &self.current else {
            return Ok(None);
        };
        seed.deserialize(Value::from(key.as_str())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, value) = self.current.take().unwrap_or_default();
        seed.deserialize(Lenient(value))
            .map_err(|error| Error::custom(format!("{key}: {error}")))
    }
}
