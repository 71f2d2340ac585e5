use std::borrow::Cow;

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

impl Message {
    /// Makes a message accepted now, with a fresh id, at QoS 1 and without anything that only MQTT has.
    pub fn new(
        channel: ChannelId,
        subtopic: Subtopic,
        publisher: ThingId,
        protocol: Protocol,
        payload: Bytes,
    ) -> Self {
        Self {
            id: MessageId::random(),
            channel,
            subtopic,
            publisher,
            protocol,
            content_type: String::new(),
            created: Timestamp::now(),
            payload,
            trace: None,
            topic: None,
            qos: 1,
            retain: false,
            expires: None,
            properties: None,
            origin: None,
        }
    }

    /// Returns the MQTT topic name: the exact one it was published to, or the one its channel and subtopic make.
    pub fn mqtt_topic(&self) -> Cow<'_, str> {
        if let Some(topic) = &self.topic {
            return Cow::Borrowed(topic);
        }
        let mut topic = format!("channels/{}/messages", self.channel);
        for element in self.subtopic.elements() {
            topic.push('/');
            // Ordinary characters elsewhere, and forbidden in a topic name of MQTT.
            topic.push_str(&element.replace('+', "%2B").replace('#', "%23"));
        }
        Cow::Owned(topic)
    }
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

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Makes a message of a random channel.
    pub(crate) fn message(subtopic: &str) -> Message {
        Message::new(
            ChannelId::random(),
            Subtopic::from_levels(subtopic).unwrap(),
            ThingId::random(),
            Protocol::Http,
            Bytes::from_static(b"payload"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::testing::message;

    #[test]
    fn the_mqtt_topic_is_the_exact_one_where_there_is_one() {
        let mut message = message("a.b");
        assert_eq!(
            message.mqtt_topic(),
            format!("channels/{}/messages/a/b", message.channel)
        );
        message.topic = Some("channels/x//a.b".to_owned());
        assert_eq!(message.mqtt_topic(), "channels/x//a.b");
    }

    #[test]
    fn the_mqtt_topic_of_a_channel_has_no_tail() {
        let message = message("");
        assert_eq!(
            message.mqtt_topic(),
            format!("channels/{}/messages", message.channel)
        );
    }

    #[test]
    fn the_mqtt_topic_has_no_wildcard() {
        let message = message("a+b.#");
        assert_eq!(
            message.mqtt_topic(),
            format!("channels/{}/messages/a%2Bb/%23", message.channel)
        );
    }
}
