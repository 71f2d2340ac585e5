use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use messaging::{Message, Protocol};
use model::{Action, ThingId};

use crate::conn::commit;
use crate::packet::Will;
use crate::shard::Shard;
use crate::topic::TopicName;

/// Publishes the will of a client that is gone, if the thing may publish there now; nobody is left to be told when not.
pub(crate) async fn fire(shard: &Rc<Shard>, thing: ThingId, will: Will) {
    match message(thing, &will) {
        Some(message) => publish(shard, thing, message).await,
        None => tracing::debug!(%thing, "a will has no valid topic"),
    }
}

/// As [`fire`], for a will that was stored as a message.
pub(crate) async fn publish(shard: &Rc<Shard>, thing: ThingId, mut message: Message) {
    message.origin = Some(shard.node.origin);
    message.id = shard.ids.next(message.created);
    let message = Arc::new(message);
    let access = &shard.node.access;
    if let Err(error) = access.decide(thing, message.channel, Action::Publish).await {
        shard.counters.denied.add(1);
        tracing::debug!(%error, %thing, "a will is not published");
        return;
    }
    match commit(&shard.node, &message).await {
        Ok(()) => shard.publish(&message, None),
        Err(reason) => tracing::warn!(?reason, %thing, "a will could not be published"),
    }
}

/// Makes the message of a will, as of now.
pub(crate) fn message(thing: ThingId, will: &Will) -> Option<Message> {
    let name = TopicName::parse(&will.topic).ok()?;
    let route = name.route().ok()?;
    let mut message = Message::new(
        name.channel,
        route.subtopic,
        thing,
        Protocol::Mqtt,
        will.payload.clone(),
    );
    message.content_type = if will.content_type.is_empty() {
        route.content_type
    } else {
        will.content_type.clone()
    };
    message.topic = Some(will.topic.clone());
    message.qos = will.qos.as_u8();
    message.retain = will.retain;
    message.expires = will
        .message_expiry
        .map(|seconds| message.created.plus(Duration::from_secs(seconds.into())));
    message.properties = will.properties.clone();
    Some(message)
}
