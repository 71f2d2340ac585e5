use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::Decoder;
use minicbor::data::{Tag, Type};
use minicbor::decode::Error as CborError;

use crate::fields::{Fields, Label};
use crate::resolve::resolve;
use crate::{Error, MAX_RECORDS, Record};

type Result<T, E = CborError> = std::result::Result<T, E>;

/// The tag of a decimal fraction, `[exponent, mantissa]` (RFC 8949 section 3.4.4).
const DECIMAL: Tag = Tag::new(4);

/// Reads a pack in CBOR; `now` is what relative times are relative to, in seconds since the Unix epoch.
///
/// # Errors
/// When the bytes are no pack of RFC 8428 nor of its drafts.
pub fn decode(bytes: &[u8], now: f64) -> Result<Vec<Record>, Error> {
    let fields = pack(bytes).map_err(|error| Error::Malformed(error.to_string()))?;
    resolve(fields, now)
}

fn pack(bytes: &[u8]) -> Result<Vec<Fields>> {
    let mut decoder = Decoder::new(bytes);
    let mut records = Vec::new();
    let length = decoder.array()?;
    each(&mut decoder, length, |decoder| {
        if records.len() > MAX_RECORDS {
            return decoder.skip();
        }
        records.push(record(decoder)?);
        Ok(())
    })?;
    if decoder.position() < bytes.len() {
        return Err(CborError::message("something follows the pack"));
    }
    Ok(records)
}

fn record(decoder: &mut Decoder<'_>) -> Result<Fields> {
    let mut fields = Fields::default();
    let length = decoder.map()?;
    each(decoder, length, |decoder| {
        let label = match decoder.datatype()? {
            Type::String | Type::StringIndef => {
                let label = text(decoder)?;
                let known = Label::of_text(&label);
                if known.is_none() {
                    fields.note_unknown(&label);
                }
                known
            }
            _ => i64::try_from(decoder.int()?)
                .ok()
                .and_then(Label::of_number),
        };
        field(decoder, label, &mut fields)
    })?;
    Ok(fields)
}

fn field(decoder: &mut Decoder<'_>, label: Option<Label>, fields: &mut Fields) -> Result<()> {
    let Some(label) = label else {
        return decoder.skip();
    };
    match label {
        Label::BaseName => fields.base_name = Some(text(decoder)?),
        Label::BaseTime => fields.base_time = Some(number(decoder)?),
        Label::BaseUnit => fields.base_unit = Some(text(decoder)?),
        Label::BaseValue => fields.base_value = Some(number(decoder)?),
        Label::BaseSum => fields.base_sum = Some(number(decoder)?),
        Label::BaseVersion => fields.base_version = Some(decoder.i64()?),
        Label::Name => fields.name = Some(text(decoder)?),
        Label::Unit => fields.unit = Some(text(decoder)?),
        Label::Value => fields.value = Some(number(decoder)?),
        Label::Text => fields.text = Some(text(decoder)?),
        Label::Bool => fields.bool = Some(decoder.bool()?),
        Label::Data => fields.data = Some(data(decoder)?),
        Label::Sum => fields.sum = Some(number(decoder)?),
        Label::Time => fields.time = Some(number(decoder)?),
        Label::UpdateTime => fields.update_time = Some(number(decoder)?),
        Label::Link => fields.link = Some(text(decoder)?),
    }
    Ok(())
}

/// Calls for each item of an array, or each pair of a map, of known or unknown length.
fn each<'b>(
    decoder: &mut Decoder<'b>,
    length: Option<u64>,
    mut item: impl FnMut(&mut Decoder<'b>) -> Result<()>,
) -> Result<()> {
    let Some(length) = length else {
        while decoder.datatype()? != Type::Break {
            item(decoder)?;
        }
        return decoder.skip();
    };
    for _ in 0..length {
        item(decoder)?;
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the nearest number is what the RFC asks for"
)]
fn number(decoder: &mut Decoder<'_>) -> Result<f64> {
    match decoder.datatype()? {
        Type::F16 => decoder.f16().map(f64::from),
        Type::F32 => decoder.f32().map(f64::from),
        Type::F64 => decoder.f64(),
        Type::Tag => decimal(decoder),
        _ => Ok(i128::from(decoder.int()?) as f64),
    }
}

/// Reads a decimal fraction by way of its text, whose nearest number the standard library finds.
fn decimal(decoder: &mut Decoder<'_>) -> Result<f64> {
    if decoder.tag()? != DECIMAL || decoder.array()? != Some(2) {
        return Err(CborError::message(
            "a number has a tag that is not understood",
        ));
    }
    let exponent = decoder.i64()?;
    let mantissa = i128::from(decoder.int()?);
    format!("{mantissa}e{exponent}")
        .parse()
        .map_err(|_| CborError::message("a decimal fraction is out of range"))
}

fn text(decoder: &mut Decoder<'_>) -> Result<String> {
    let mut text = String::new();
    for part in decoder.str_iter()? {
        text.push_str(part?);
    }
    Ok(text)
}

/// Reads bytes, or the base64 text some devices send in their place.
fn data(decoder: &mut Decoder<'_>) -> Result<String> {
    if matches!(decoder.datatype()?, Type::String | Type::StringIndef) {
        return text(decoder);
    }
    let mut bytes = Vec::new();
    for part in decoder.bytes_iter()? {
        bytes.extend_from_slice(part?);
    }
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
