//! What a message is: records, or bytes with the reason why not.

use history::{Content, Entry, Raw};
use messaging::Message;
use model::Timestamp;
use senml::{Error, Record, Value};

/// The most characters of a reason: a device must not choose how long it gets.
const MAX_REASON: usize = 300;
const NO_NUL: &str = "a text in it has a NUL character, which cannot be stored";
const OBJECT: &str = "a JSON object: it becomes records when the metadata of the channel says {\"history\": {\"json\": true}}";

/// Reads a message as SenML: CBOR where it says so or looks like it, else JSON, whatever it says (contract section 7.1).
pub(crate) fn records(message: &Message) -> Result<Vec<Record>, Error> {
    let (payload, now) = (&message.payload, seconds(message.created));
    if is_cbor(message) {
        senml::decode_cbor(payload, now)
    } else {
        senml::decode_json(payload, now)
    }
}

/// Reads a message as one JSON object.
pub(crate) fn flattened(message: &Message) -> Result<Vec<Record>, Error> {
    senml::flatten_json(&message.payload, seconds(message.created))
}

/// Tells whether the payload begins as a JSON object does.
pub(crate) fn is_object(message: &Message) -> bool {
    let first = message
        .payload
        .iter()
        .find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'{')
}

/// An array of CBOR begins with a byte that no JSON begins with: a device that cannot name its format need not.
fn is_cbor(message: &Message) -> bool {
    let media_type = message.content_type.split(';').next().unwrap_or_default();
    let first = message.payload.first();
    media_type
        .trim()
        .eq_ignore_ascii_case("application/senml+cbor")
        || first.is_some_and(|byte| (0x80..=0x9f).contains(byte))
}

/// Makes the entries of a message's records, unless one has a text that PostgreSQL cannot store.
pub(crate) fn entries(message: &Message, records: Vec<Record>) -> Result<Vec<Entry>, &'static str> {
    if records.iter().any(has_nul) {
        return Err(NO_NUL);
    }
    let entries = records.into_iter().zip(0..);
    Ok(entries
        .map(|(record, part)| entry(message, part, Content::Record(record)))
        .collect())
}

/// Makes the entry of a message that stays as it is.
pub(crate) fn raw(message: &Message, reason: &str) -> Entry {
    let end = reason.char_indices().nth(MAX_REASON);
    let reason = without_nul(&reason[..end.map_or(reason.len(), |(end, _)| end)]);
    entry(
        message,
        0,
        Content::Raw(Raw {
            time: seconds(message.created),
            content_type: without_nul(&message.content_type),
            payload: message.payload.clone(),
            reason,
        }),
    )
}

/// Says why a message that was tried as SenML only is no records.
pub(crate) fn reason(message: &Message, error: &Error) -> String {
    if is_object(message) {
        OBJECT.to_owned()
    } else {
        error.to_string()
    }
}

fn entry(message: &Message, part: i32, content: Content) -> Entry {
    Entry {
        id: message.id,
        part,
        channel: message.channel,
        subtopic: message.subtopic.as_str().to_owned(),
        publisher: message.publisher,
        protocol: without_nul(message.protocol.as_str()),
        content,
    }
}

fn has_nul(record: &Record) -> bool {
    let value = match &record.value {
        Some(Value::Text(text) | Value::Data(text)) => Some(text),
        Some(Value::Number(_) | Value::Bool(_)) | None => None,
    };
    let texts = [
        Some(&record.name),
        record.unit.as_ref(),
        value,
        record.link.as_ref(),
    ];
    texts.into_iter().flatten().any(|text| text.contains('\0'))
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds until the year 2255 are exact"
)]
fn seconds(time: Timestamp) -> f64 {
    time.micros().max(0) as f64 / 1e6
}
