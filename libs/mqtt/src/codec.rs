//! Bytes to packets and back; whatever a peer sends, the worst outcome is a [`DecodeError`].

mod connect;
mod decode;
mod encode;
mod error;
mod frame;
mod properties;
mod publish;
mod read;
mod varint;

pub use decode::decode;
pub use encode::Encoder;
pub use error::DecodeError;
pub use frame::{frame, version};
pub use publish::{Alias, PublishContent, PublishCopy, PublishFrame};
