use std::time::Duration;

use bytes::Bytes;
use messaging::{Message, Protocol};
use model::{ChannelId, ThingId, Timestamp};

use crate::packet::{Publish, Reason};
use crate::refusal;
use crate::shard::Shard;
use crate::topic::{self, Route, TopicName};

/// The topic a client has published to last, taken apart: most publish to the same one again.
#[derive(Default)]
pub(super) struct LastTopic(Option<Known>);

struct Known {
    /// The topic with its channel.
    text: String,
    /// Where in it the topic begins as the client writes it.
    start: usize,
    channel: ChannelId,
    route: Route,
}

impl Known {
    fn parse(text: &str, default: Option<ChannelId>) -> Result<Self, Reason> {
        let absolute = topic::absolute(text, default);
        let name = TopicName::parse(&absolute).map_err(refusal::of_name)?;
        Ok(Self {
            start: absolute.len() - text.len(),
            channel: name.channel,
            route: name.route().map_err(refusal::of_name)?,
            text: absolute.into_owned(),
        })
    }
}

impl LastTopic {
    /// Makes the message of a PUBLISH of a thing with this default channel.
    pub(super) fn message(
        &mut self,
        (thing, default): (ThingId, Option<ChannelId>),
        shard: &Shard,
        topic: &str,
        publish: &Publish<'_>,
    ) -> Result<Message, Reason> {
        let known = match self.0.take() {
            Some(known) if known.text[known.start..] == *topic => known,
            Some(_) | None => Known::parse(topic, default)?,
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
