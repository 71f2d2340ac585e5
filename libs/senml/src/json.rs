use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::fields::{Fields, Label};
use crate::resolve::resolve;
use crate::{Error, MAX_RECORDS, Record};

/// Reads a pack in JSON; `now` is what relative times are relative to, in seconds since the Unix epoch.
///
/// # Errors
/// When the bytes are no pack of RFC 8428 nor of its drafts.
pub fn decode(bytes: &[u8], now: f64) -> Result<Vec<Record>, Error> {
    let Pack(fields) =
        serde_json::from_slice(bytes).map_err(|error| Error::Malformed(error.to_string()))?;
    resolve(fields, now)
}

/// At most one record more than there may be: the rest is skipped.
struct Pack(Vec<Fields>);

impl<'de> Deserialize<'de> for Pack {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PackVisitor)
    }
}

struct PackVisitor;

impl<'de> Visitor<'de> for PackVisitor {
    type Value = Pack;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Pack, A::Error> {
        let mut records = Vec::new();
        while records.len() <= MAX_RECORDS {
            match items.next_element()? {
                Some(record) => records.push(record),
                None => return Ok(Pack(records)),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Pack(records))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(label) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match Label::of_text(&label) {
                None => {
                    fields.note_unknown(&label);
                    map.next_value::<IgnoredAny>()?;
                }
                Some(Label::BaseName) => fields.base_name = map.next_value()?,
                Some(Label::BaseTime) => fields.base_time = map.next_value()?,
                Some(Label::BaseUnit) => fields.base_unit = map.next_value()?,
                Some(Label::BaseValue) => fields.base_value = map.next_value()?,
                Some(Label::BaseSum) => fields.base_sum = map.next_value()?,
                Some(Label::BaseVersion) => fields.base_version = map.next_value()?,
                Some(Label::Name) => fields.name = map.next_value()?,
                Some(Label::Unit) => fields.unit = map.next_value()?,
                Some(Label::Value) => fields.value = map.next_value()?,
                Some(Label::Text) => fields.text = map.next_value()?,
                Some(Label::Bool) => fields.bool = map.next_value()?,
                Some(Label::Data) => fields.data = map.next_value()?,
                Some(Label::Sum) => fields.sum = map.next_value()?,
                Some(Label::Time) => fields.time = map.next_value()?,
                Some(Label::UpdateTime) => fields.update_time = map.next_value()?,
                Some(Label::Link) => fields.link = map.next_value()?,
            }
        }
        Ok(fields)
    }
}
