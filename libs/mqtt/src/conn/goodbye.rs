use std::future::poll_fn;
use std::io;
use std::task::ready;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::timeout;

use crate::codec::Encoder;
use crate::outbuf::OutBuf;
use crate::packet::Outgoing;
use crate::transport::Transport;

/// How much is read while waiting for the other side to close.
const SCRATCH: usize = 1024;

/// Sends a last packet and closes so that the other side can read it.
pub(super) async fn say(
    transport: &mut Transport,
    encoder: Encoder,
    packet: &Outgoing<'_>,
    limit: Duration,
) {
    let mut out = OutBuf::default();
    out.append(|buf| {
        encoder.encode(packet, buf);
        None
    });
    finish(transport, &mut out, limit).await;
}

/// Writes what waits and closes so that the other side can read it: a connection that is dropped with unread input is
/// reset, and a reset destroys what is still on its way.
pub(super) async fn finish(transport: &mut Transport, out: &mut OutBuf, limit: Duration) {
    let lingering = async {
        poll_fn(|cx| out.poll_write(cx, transport)).await?;
        poll_fn(|cx| transport.poll_shutdown(cx)).await?;
        drain(transport).await
    };
    // The other side is gone, or it has had its time: both end it.
    let _ = timeout(limit, lingering).await;
}

async fn drain(transport: &mut Transport) -> io::Result<()> {
    loop {
        let read = poll_fn(|cx| {
            let mut scratch = [0; SCRATCH];
            let mut read = ReadBuf::new(&mut scratch);
            ready!(transport.poll_read(cx, &mut read))?;
            std::task::Poll::Ready(io::Result::Ok(read.filled().len()))
        });
        if read.await? == 0 {
            return Ok(());
        }
    }
}
