//! The MQTT engine: packets, sessions, routing and retained messages.

mod codec;
mod index;
mod packet;
mod retained;
mod topic;

pub use codec::{
    Alias, DecodeError, Encoder, PublishContent, PublishCopy, PublishFrame, decode, frame, version,
};
pub use index::{Index, Match, Matches, Subscription};
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Incoming, Outgoing, PacketId, Publish,
    PublishProperties, Qos, Reason, RetainHandling, Subscribe, SubscribeOptions, Unsubscribe,
    UserProperties, Version, Will,
};
pub use retained::{ApplyError, Full, Retained, RetainedKey, RetainedLimits, encode_retained};
pub use topic::{Route, TopicError, TopicFilter, TopicName, tail};
