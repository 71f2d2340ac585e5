use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::time::{Duration, Instant};

use model::Throttle;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::conn;
use crate::rate::Rate;
use crate::shard::Shard;
use crate::transport::Transport;

/// How often it is told that connections cannot be accepted.
static FAILURES: Throttle = Throttle::new(Duration::from_secs(1));
/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long accepting pauses when it fails, as it does while there are no descriptors.
const PAUSE: Duration = Duration::from_millis(200);
/// After how much silence the peer of a connection is probed for being there, whatever its keep-alive.
const PROBE_AFTER: Duration = Duration::from_secs(60);

/// Binds as many listeners to one address as there are shards; the kernel spreads connections over them.
pub(crate) fn bind(address: SocketAddr, shards: usize) -> io::Result<Vec<StdListener>> {
    // Sharing a port among listeners would also share it with another process, which nobody wants.
    drop(bind_one(address, false)?);
    let first = bind_one(address, shards > 1)?;
    let bound = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..shards {
        listeners.push(bind_one(bound, true)?);
    }
    Ok(listeners)
}

fn bind_one(address: SocketAddr, shared: bool) -> io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts connections for ever.
pub(crate) async fn accept(shard: &Rc<Shard>, listener: &TcpListener) {
    let shards = u32::try_from(shard.node.mailboxes.len()).unwrap_or(1);
    let rate = Rate::new(shard.node.config.max_accepts_per_second.div_ceil(shards));
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                prepare(&tcp);
                conn::start(shard, Transport::Tcp(tcp), peer.into());
                // Those who are connected have their turn while many want to be.
                while !rate.admits(1) {
                    sleep(rate.wait()).await;
                }
            }
            Err(error) => {
                if FAILURES.passes(Instant::now()) {
                    tracing::error!(%error, "a connection could not be accepted");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// Sets what is good to have; a connection works without.
fn prepare(tcp: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(PROBE_AFTER);
    let set = tcp
        .set_nodelay(true)
        .and_then(|()| SockRef::from(tcp).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        tracing::debug!(%error, "an option of a connection could not be set");
    }
}
