use bytes::Bytes;
use model::{ChannelId, MessageId, Subtopic, ThingId, Timestamp};
use uuid::Uuid;

/// A payload on its way from a thing to whoever may read its channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Identifies the message; a second copy has the same.
    pub id: MessageId,
    /// The channel it is sent to.
    pub channel: ChannelId,
    /// The dotted tail of its topic, never a pattern.
    pub subtopic: Subtopic,
    /// The thing that sent it.
    pub publisher: ThingId,
    /// The protocol it came in by.
    pub protocol: Protocol,
    /// The content type its sender named, possibly empty.
    pub content_type: String,
    /// When it was accepted.
    pub created: Timestamp,
    /// The bytes the device sent.
    pub payload: Bytes,
    /// The W3C `traceparent` of the request it came in by, if there was one.
    pub trace: Option<String>,
    /// The exact MQTT topic name, when it was published on MQTT.
    pub topic: Option<String>,
    /// The quality of service it was published with: 0, 1 or 2.
    pub qos: u8,
    /// Whether it is to be kept as the last one of its topic.
    pub retain: bool,
    /// When it is no longer worth delivering.
    pub expires: Option<Timestamp>,
    /// MQTT 5 properties, carried end to end.
    pub properties: Option<Box<Properties>>,
    /// The process that accepted it, so that it can ignore its own messages when they come back.
    pub origin: Option<Uuid>,
}

/// The application properties of an MQTT 5 PUBLISH (MQTT 5.0 section 3.3.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Whether the payload is said to be UTF-8 text.
    pub payload_is_utf8: Option<bool>,
    /// Where a response is expected.
    pub response_topic: Option<String>,
    /// What the requester recognises the response by.
    pub correlation_data: Option<Bytes>,
    /// Pairs of the application, in order, repetitions included.
    pub user: Vec<(String, String)>,
}

/// The protocol a message came in by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP POST.
    Http,
    /// A WebSocket frame.
    Ws,
    /// MQTT PUBLISH, over TCP or WebSocket.
    Mqtt,
    /// CoAP POST.
    Coap,
    /// Something else that speaks the 0.9 bus, such as `lora`.
    Other(String),
}

impl Protocol {
    /// Returns the name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Http => "http",
            Self::Ws => "ws",
            Self::Mqtt => "mqtt",
            Self::Coap => "coap",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for Protocol {
    fn from(name: &str) -> Self {
        match name {
            "http" => Self::Http,
            "ws" => Self::Ws,
            "mqtt" => Self::Mqtt,
            "coap" => Self::Coap,
            other => Self::Other(other.to_owned()),
        }
    }
}
