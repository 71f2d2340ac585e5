use std::borrow::Cow;

use messaging::Message;
use model::Timestamp;

use crate::codec::{PublishContent, PublishFrame};
use crate::packet::Version;

/// The encodings of one message, each made when the first subscriber needs it.
pub(crate) struct Frames<'a> {
    message: &'a Message,
    topic: Cow<'a, str>,
    encoded: [Option<PublishFrame>; 4],
}

impl<'a> Frames<'a> {
    pub(crate) fn new(message: &'a Message) -> Self {
        Self {
            message,
            topic: message.mqtt_topic(),
            encoded: [const { None }; 4],
        }
    }

    /// Returns the topic it is delivered with.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the encoding for a version, with or without a packet identifier; nothing when MQTT cannot carry it.
    pub(crate) fn get(&mut self, version: Version, with_packet_id: bool) -> Option<&PublishFrame> {
        let at = usize::from(version == Version::V5) * 2 + usize::from(with_packet_id);
        if self.encoded[at].is_none() {
            let now = match self.message.expires {
                Some(_) => Timestamp::now(),
                None => Timestamp::default(),
            };
            let content = PublishContent::new(&self.topic, self.message, now);
            self.encoded[at] = PublishFrame::new(version, with_packet_id, &content);
        }
        self.encoded[at].as_ref()
    }
}
