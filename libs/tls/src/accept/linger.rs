use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long and how much of what a refused peer still sends is read.
const LIMIT: Duration = Duration::from_secs(1);
const MAX_BYTES: u64 = 64 * 1024;

/// Closes a refused connection so that the peer reads the alert: a socket that is closed with unread bytes sends a
/// reset, which overtakes it.
pub(super) async fn close(io: &mut TcpStream) {
    let drain = async {
        io.shutdown().await?;
        let mut left = io.take(MAX_BYTES);
        let mut sink = [0; 2048];
        while left.read(&mut sink).await? > 0 {}
        std::io::Result::Ok(())
    };
    // The connection is over either way.
    let _ = timeout(LIMIT, drain).await;
}
