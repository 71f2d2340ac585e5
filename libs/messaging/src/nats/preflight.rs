//! A look at a server before the client library connects to it.

use std::io;
use std::time::Duration;

use async_nats::{ServerAddr, ServerInfo};
use model::Result;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::refused;

/// How long one server may take to greet.
const GREETING_DEADLINE: Duration = Duration::from_secs(2);
/// The longest greeting that is read.
const MAX_GREETING: u64 = 64 * 1024;

/// Refuses a server that would ask for TLS: the client library panics then, as it is built without cryptography.
///
/// A server that does not answer is left to the library to report.
pub(super) async fn refuse_tls(server: &ServerAddr) -> Result<()> {
    let Ok(Ok(greeting)) = timeout(GREETING_DEADLINE, greeting(server)).await else {
        return Ok(());
    };
    if greeting.tls_required {
        return Err(refused(format!(
            "the NATS server at {}:{} wants TLS, which this version does not speak to NATS; \
             give it a plaintext listener on a trusted network",
            server.host(),
            server.port(),
        )));
    }
    Ok(())
}

async fn greeting(server: &ServerAddr) -> io::Result<ServerInfo> {
    let stream = TcpStream::connect((server.host(), server.port())).await?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_GREETING))
        .read_line(&mut line)
        .await?;
    let info = line.trim_end().strip_prefix("INFO ").unwrap_or_default();
    Ok(serde_json::from_str(info)?)
}
