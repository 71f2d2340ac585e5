use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, LINK};
use model::Error;
use serde::Serialize;
use server::{Json, Problem};

use crate::message::Message;
use crate::parameters::Format;

/// What was found, whatever its format is to be.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// How many there are in all, unless the page goes on from a cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    pub(crate) offset: u64,
    pub(crate) limit: u64,
    pub(crate) messages: Vec<Message>,
    /// The cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// The header line of CSV, by the names of the JSON.
const COLUMNS: [&str; 17] = [
    "time",
    "channel",
    "subtopic",
    "publisher",
    "protocol",
    "name",
    "unit",
    "value",
    "stringValue",
    "boolValue",
    "dataValue",
    "valueSum",
    "updateTime",
    "link",
    "contentType",
    "payload",
    "reason",
];

impl Answer {
    /// Writes it; `next` is the address of the next page.
    pub(crate) fn write(self, format: Format, next: Option<String>) -> Result<Response, Problem> {
        let mut response = match format {
            Format::Json => Json(self).into_response(),
            Format::Senml => {
                let records: Vec<_> = self
                    .messages
                    .into_iter()
                    .map(Message::into_record)
                    .collect();
                typed("application/senml+json", senml::encode_json(&records))
            }
            Format::Csv => typed("text/csv; charset=utf-8", csv(&self.messages)?),
        };
        let link =
            next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        Ok(response)
    }
}

fn typed(content_type: &'static str, body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

fn csv(messages: &[Message]) -> Result<Vec<u8>, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let lines = messages.iter().map(line);
    let written = writer.write_record(COLUMNS).and_then(|()| {
        lines
            .into_iter()
            .try_for_each(|line| writer.write_record(line))
    });
    let written = written.map_err(|_| Error::internal());
    written
        .and_then(|()| writer.into_inner().map_err(|_| Error::internal()))
        .map_err(Problem::from)
}

fn line(message: &Message) -> [String; COLUMNS.len()] {
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        number(message.time),
        message.channel.to_string(),
        message.subtopic.clone(),
        message
            .publisher
            .map(|id| id.to_string())
            .unwrap_or_default(),
        message.protocol.clone(),
        message.name.clone(),
        message.unit.clone(),
        number(message.value),
        text(&message.string_value),
        message
            .bool_value
            .map(|value| value.to_string())
            .unwrap_or_default(),
        text(&message.data_value),
        number(message.value_sum),
        number(message.update_time),
        message.link.clone(),
        message.content_type.clone(),
        text(&message.payload),
        message.reason.clone(),
    ]
}
