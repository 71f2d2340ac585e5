//! One connection, from its first byte to the last.

mod acks;
mod connack;
mod ending;
mod goodbye;
mod handshake;
mod input;
mod journal;
mod keep_alive;
mod keeper;
mod message;
mod packets;
mod publish;
mod serve;
mod subscribe;

use std::rc::Rc;

pub(crate) use publish::commit;

use crate::access::Origin;
use crate::shard::Shard;
use crate::transport::Transport;

/// Serves a connection in a task of its own.
pub(crate) fn start(shard: &Rc<Shard>, transport: Transport, origin: Origin) {
    let entrance = shard.node.enter();
    if !entrance.is_hopeless() {
        let serving = handshake::handshake(shard.clone(), transport, origin, entrance);
        shard.tasks.spawn_local(serving);
    }
}
