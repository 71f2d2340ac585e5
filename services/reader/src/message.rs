use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use history::{Bucket, Content, Entry, Query};
use model::{ChannelId, ThingId};
use senml::{Record, Value};
use serde::{Serialize, Serializer};

use crate::parameters::Aggregate;

/// A message as it is shown, under the names of 0.9 (contract section 7.3): what is empty is left out.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    pub(crate) channel: ChannelId,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) subtopic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) publisher: Option<ThingId>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) protocol: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) unit: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub(crate) value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bool_value: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub(crate) value_sum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub(crate) time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub(crate) update_time: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) link: String,
    /// Of what could not be decoded: what its sender called it, its bytes in base64, and why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) content_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
}

impl From<Entry> for Message {
    fn from(entry: Entry) -> Self {
        let mut message = Self {
            publisher: Some(entry.publisher),
            time: Some(entry.time()),
            subtopic: entry.subtopic,
            protocol: entry.protocol,
            ..Self::empty(entry.channel)
        };
        match entry.content {
            Content::Record(record) => message.tell(record),
            Content::Raw(raw) => {
                message.content_type = raw.content_type;
                message.payload = Some(STANDARD.encode(raw.payload));
                message.reason = raw.reason;
            }
        }
        message
    }
}

impl Message {
    fn empty(channel: ChannelId) -> Self {
        Self {
            channel,
            subtopic: String::new(),
            publisher: None,
            protocol: String::new(),
            name: String::new(),
            unit: String::new(),
            value: None,
            string_value: None,
            bool_value: None,
            data_value: None,
            value_sum: None,
            time: None,
            update_time: None,
            link: String::new(),
            content_type: String::new(),
            payload: None,
            reason: String::new(),
        }
    }

    fn tell(&mut self, record: Record) {
        self.name = record.name;
        self.unit = record.unit.unwrap_or_default();
        match record.value {
            None => {}
            Some(Value::Number(number)) => self.value = Some(number),
            Some(Value::Text(text)) => self.string_value = Some(text),
            Some(Value::Bool(value)) => self.bool_value = Some(value),
            Some(Value::Data(data)) => self.data_value = Some(data),
        }
        self.value_sum = record.sum;
        self.update_time = record.update_time;
        self.link = record.link.unwrap_or_default();
    }

    /// Makes one of an interval; it says of itself what all its messages have in common by the query.
    pub(crate) fn of_bucket(query: &Query, aggregate: Aggregate, bucket: Bucket) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "nobody stores 2^53 messages")]
        let value = match aggregate {
            Aggregate::Min => bucket.min,
            Aggregate::Max => bucket.max,
            Aggregate::Avg => bucket.avg,
            Aggregate::Sum => bucket.sum,
            Aggregate::Count => bucket.count as f64,
        };
        // A number of messages has not the unit of what they say.
        let unit = bucket.unit.filter(|_| aggregate != Aggregate::Count);
        Self {
            subtopic: text(&query.subtopic),
            publisher: query.publisher,
            protocol: text(&query.protocol),
            name: text(&query.name),
            unit: unit.unwrap_or_default(),
            value: Some(value),
            time: Some(bucket.time),
            ..Self::empty(query.channel)
        }
    }

    /// Returns it as a record of SenML; an interval that was not asked for by name has the channel's.
    pub(crate) fn into_record(self) -> Record {
        let value = self
            .value
            .map(Value::Number)
            .or(self.string_value.map(Value::Text))
            .or(self.bool_value.map(Value::Bool))
            .or(self.data_value.map(Value::Data));
        let some = |text: String| (!text.is_empty()).then_some(text);
        Record {
            name: some(self.name).unwrap_or_else(|| self.channel.to_string()),
            unit: some(self.unit),
            value,
            sum: self.value_sum,
            time: self.time.unwrap_or_default(),
            update_time: self.update_time,
            link: some(self.link),
        }
    }
}

/// Writes whole numbers without a fraction, as Go does.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole numbers of this size are exact"
)]
pub(crate) fn number<S: Serializer>(
    number: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match number {
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => {
            serializer.serialize_i64(*whole as i64)
        }
        number => number.serialize(serializer),
    }
}
