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
    let Some(message) = message(shard, thing, will) else {
        return;
    };
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

fn message(shard: &Shard, thing: ThingId, will: Will) -> Option<Arc<Message>> {
    let name = TopicName::parse(&will.topic).ok()?;
    let route = name.route().ok()?;
    let mut message = Message::new(
        name.channel,
        route.subtopic,
        thing,
        Protocol::Mqtt,
        will.payload,
    );
    message.content_type = if will.content_type.is_empty() {
        route.content_type
    } else {
        will.content_type
    };
    message.topic = Some(will.topic);
    message.qos = will.qos.as_u8();
    message.retain = will.retain;
    message.expires = will
        .message_expiry
        .map(|seconds| message.created.plus(Duration::from_secs(seconds.into())));
    message.properties = will.properties;
    message.origin = Some(shard.node.origin);
    Some(Arc::new(message))
}
