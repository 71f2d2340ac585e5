use std::borrow::Cow;

use messaging::Message;
use model::Timestamp;

use crate::codec::{PublishContent, PublishFrame};
use crate::packet::Version;
use crate::topic;

/// The encodings of one message, each made when the first subscriber needs it.
pub(crate) struct Frames<'a> {
    message: &'a Message,
    topic: Cow<'a, str>,
    encoded: [Option<PublishFrame>; 8],
}

impl<'a> Frames<'a> {
    pub(crate) fn new(message: &'a Message) -> Self {
        Self {
            message,
            topic: message.mqtt_topic(),
            encoded: [const { None }; 8],
        }
    }

    /// Returns its topic with the channel.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the encoding for a version, with or without a packet identifier, under its relative or its absolute topic;
    /// nothing when MQTT cannot carry it.
    pub(crate) fn get(
        &mut self,
        version: Version,
        with_packet_id: bool,
        relative: bool,
    ) -> Option<&PublishFrame> {
        let at = usize::from(version == Version::V5) * 4
            + usize::from(relative) * 2
            + usize::from(with_packet_id);
        if self.encoded[at].is_none() {
            let now = match self.message.expires {
                Some(_) => Timestamp::now(),
                None => Timestamp::default(),
            };
            let topic = relative.then(|| topic::relative(topic::tail(&self.topic)));
            let topic = topic.flatten().unwrap_or(&self.topic);
            let content = PublishContent::new(topic, self.message, now);
            self.encoded[at] = PublishFrame::new(version, with_packet_id, &content);
        }
        self.encoded[at].as_ref()
    }
}
