//! A look at a server before the client library connects to it.

use std::io;
use std::time::Duration;

use async_nats::ServerAddr;
use model::Result;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::refused;

/// How long one server may take to greet.
const GREETING_DEADLINE: Duration = Duration::from_secs(2);
/// The longest greeting that is read.
const MAX_GREETING: u64 = 64 * 1024;

/// What a server says about TLS before anything is sent to it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Greeting {
    tls_required: bool,
    tls_available: bool,
}

/// Refuses a server that does TLS where none is configured, or none where it is.
///
/// This is for a clear message only: whoever forges the greeting cannot make a connection do without TLS. A server that
/// does not answer is left to the library to report.
pub(super) async fn check_tls(server: &ServerAddr, tls: bool) -> Result<()> {
    let Ok(Ok(greeting)) = timeout(GREETING_DEADLINE, greeting(server)).await else {
        return Ok(());
    };
    let problem = match (tls, greeting.tls_required, greeting.tls_available) {
        (false, true, _) => {
            "wants TLS; give MF_NATS_URL the scheme tls://, MF_NATS_CA_CERTS the CA of the server, and \
             MF_NATS_CLIENT_CERT and MF_NATS_CLIENT_KEY what it asks of clients"
        }
        (true, false, false) => {
            "has no TLS, and nothing is sent in the clear; configure the server, or do without tls:// in MF_NATS_URL, \
             MF_NATS_CA_CERTS and MF_NATS_CLIENT_CERT"
        }
        _ => return Ok(()),
    };
    let (host, port) = (server.host(), server.port());
    Err(refused(format!(
        "the NATS server at {host}:{port} {problem}"
    )))
}

async fn greeting(server: &ServerAddr) -> io::Result<Greeting> {
    let stream = TcpStream::connect((server.host(), server.port())).await?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_GREETING))
        .read_line(&mut line)
        .await?;
    let info = line.trim_end().strip_prefix("INFO ").unwrap_or_default();
    Ok(serde_json::from_str(info)?)
}
