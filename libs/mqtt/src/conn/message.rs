use std::time::Duration;

use bytes::Bytes;
use messaging::{Message, Protocol};
use model::{ChannelId, ThingId, Timestamp};

use crate::packet::{Publish, Reason};
use crate::refusal;
use crate::shard::Shard;
use crate::topic::{Route, TopicName};

/// The topic a client has published to last, taken apart: most publish to the same one again.
#[derive(Default)]
pub(super) struct LastTopic(Option<Known>);

struct Known {
    text: String,
    channel: ChannelId,
    route: Route,
}

impl Known {
    fn parse(text: &str) -> Result<Self, Reason> {
        let name = TopicName::parse(text).map_err(refusal::of_name)?;
        Ok(Self {
            text: text.to_owned(),
            channel: name.channel,
            route: name.route().map_err(refusal::of_name)?,
        })
    }
}

impl LastTopic {
    /// Makes the message of a PUBLISH.
    pub(super) fn message(
        &mut self,
        thing: ThingId,
        shard: &Shard,
        topic: &str,
        publish: &Publish<'_>,
    ) -> Result<Message, Reason> {
        let known = match self.0.take() {
            Some(known) if known.text == topic => known,
            Some(_) | None => Known::parse(topic)?,
        };
        let known = self.0.insert(known);
        let created = Timestamp::now();
        let properties = &publish.properties;
        let content_type = properties.content_type.unwrap_or(&known.route.content_type);
        let expiry = properties.message_expiry;
        Ok(Message {
            id: shard.ids.next(created),
            channel: known.channel,
            subtopic: known.route.subtopic.clone(),
            publisher: thing,
            protocol: Protocol::Mqtt,
            content_type: content_type.to_owned(),
            created,
            payload: Bytes::copy_from_slice(publish.payload),
            trace: None,
            topic: Some(known.text.clone()),
            qos: publish.qos.as_u8(),
            retain: publish.retain,
            expires: expiry.map(|seconds| created.plus(Duration::from_secs(seconds.into()))),
            properties: properties.to_message(),
            origin: Some(shard.node.origin),
        })
    }
}
