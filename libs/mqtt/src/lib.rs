//! The MQTT engine: packets, sessions, routing and retained messages.

mod codec;
mod packet;

pub use codec::{
    Alias, DecodeError, Encoder, PublishContent, PublishCopy, PublishFrame, decode, frame, version,
};
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Incoming, Outgoing, PacketId, Publish,
    PublishProperties, Qos, Reason, RetainHandling, Subscribe, SubscribeOptions, Unsubscribe,
    UserProperties, Version, Will,
};
