use serde::Serialize;

use crate::{Record, Value};

/// Writes records as a pack in JSON, each with all it needs (RFC 8428 section 4.6).
pub fn encode_json<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    let pack: Vec<Wire<'a>> = records.into_iter().map(Wire::from).collect();
    serde_json::to_vec(&pack).expect("texts, numbers and booleans can be written")
}

#[derive(Serialize)]
struct Wire<'a> {
    n: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<&'a str>,
    t: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vs: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vb: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ut: Option<f64>,
}

impl<'a> From<&'a Record> for Wire<'a> {
    fn from(record: &'a Record) -> Self {
        let mut wire = Self {
            n: &record.name,
            u: record.unit.as_deref(),
            t: record.time,
            v: None,
            vs: None,
            vb: None,
            vd: None,
            s: record.sum,
            ut: record.update_time,
        };
        match &record.value {
            None => {}
            Some(Value::Number(number)) => wire.v = Some(*number),
            Some(Value::Text(text)) => wire.vs = Some(text),
            Some(Value::Bool(value)) => wire.vb = Some(*value),
            Some(Value::Data(data)) => wire.vd = Some(data),
        }
        wire
    }
}
