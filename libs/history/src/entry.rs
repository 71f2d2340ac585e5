use bytes::Bytes;
use model::{ChannelId, MessageId, ThingId};
use senml::{Record, Value};

/// What a row takes besides its texts.
const ROW: usize = 160;

/// One stored record of a message, or a message that is kept as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The message.
    pub id: MessageId,
    /// The place of the record in the message.
    pub part: i32,
    /// The channel the message was sent to.
    pub channel: ChannelId,
    /// Its subtopic in dotted form, empty for none.
    pub subtopic: String,
    /// The thing that sent it.
    pub publisher: ThingId,
    /// The protocol it came in by.
    pub protocol: String,
    /// What was sent.
    pub content: Content,
}

/// What is stored of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A measurement.
    Record(Record),
    /// Bytes.
    Raw(Raw),
}

/// A message that could not be decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// When it was accepted, in seconds since the Unix epoch.
    pub time: f64,
    /// The content type its sender named, possibly empty.
    pub content_type: String,
    /// The bytes as they came.
    pub payload: Bytes,
    /// Why they are no records.
    pub reason: String,
}

impl Entry {
    /// Returns the time it is ordered by.
    pub fn time(&self) -> f64 {
        match &self.content {
            Content::Record(record) => record.time,
            Content::Raw(raw) => raw.time,
        }
    }

    /// Returns about how many bytes it takes in the database, always the same.
    pub fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let content = match &self.content {
            Content::Record(record) => {
                let value = match &record.value {
                    Some(Value::Text(text) | Value::Data(text)) => text.len(),
                    Some(Value::Number(_) | Value::Bool(_)) | None => 0,
                };
                record.name.len() + text(&record.unit) + text(&record.link) + value
            }
            Content::Raw(raw) => raw.content_type.len() + raw.payload.len() + raw.reason.len(),
        };
        ROW + self.subtopic.len() + self.protocol.len() + content
    }
}
