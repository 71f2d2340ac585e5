//! The MQTT engine: packets, sessions, routing and retained messages.
//!
//! A [`Broker`] serves MQTT 3.1, 3.1.1 and 5.0 to things that an [`Access`] admits, and carries their messages over the bus.
//! It runs one shard per core: a thread with its own listener, connections and subscriptions, in which nothing is
//! locked. A message goes to the subscribers of its shard directly, to those of other shards by mail, and to other
//! protocols and nodes through the bus, from where it also reaches persistent sessions.

mod accept;
mod access;
mod broker;
mod codec;
mod config;
mod conn;
mod counters;
mod failures;
mod feed;
mod frames;
mod ids;
mod index;
mod interest;
mod key;
mod mailbox;
mod node;
mod outbuf;
mod packet;
mod peer;
mod pressure;
mod queue;
mod rate;
mod reception;
mod refusal;
mod registry;
mod retained;
mod retention;
mod session;
mod shard;
mod store;
mod takeover;
mod topic;
mod transport;
mod will;

pub use access::{Access, Admission, ConnectRequest, Loss, Lost, Origin};
pub use broker::{Broker, Link};
pub use codec::{
    Alias, DecodeError, Encoder, PublishContent, PublishCopy, PublishFrame, decode, frame, version,
};
pub use config::Config;
pub use index::{Index, Match, Matches, Subscription};
pub use packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Incoming, Outgoing, PacketId, Publish,
    PublishProperties, Qos, Reason, RetainHandling, Subscribe, SubscribeOptions, Unsubscribe,
    UserProperties, Version, Will,
};
pub use retained::{ApplyError, Full, Retained, RetainedKey, RetainedLimits, encode_retained};
pub use topic::{Route, TopicError, TopicFilter, TopicName, tail};
pub use transport::Stream;
