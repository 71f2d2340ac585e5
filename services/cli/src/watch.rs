use std::io::{self, IsTerminal};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http::header::{AUTHORIZATION, HOST};
use serde_json::json;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::api::Api;
use crate::dial::{Dialer, Io};
use crate::error::{Error, Refusal};
use crate::messages::credential;
use crate::output;
use crate::table::visible;
use crate::target::{Target, Topic};

/// How often a silent server is asked for a sign of life.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// What to watch.
#[derive(Args, Debug)]
pub struct Watch {
    /// Id of the channel, and perhaps a subtopic: CHANNEL[.SUBTOPIC…]; > stands for all of them.
    channel: String,
    /// Key of a connected thing.
    key: Option<String>,
    /// Stop after so many messages.
    #[arg(long)]
    count: Option<u64>,
}

/// A WebSocket over whatever it was dialled.
pub(crate) type Socket = WebSocketStream<Box<dyn Io>>;

/// Opens the WebSocket of a topic.
pub(crate) async fn open(
    dialer: &Dialer,
    target: &Target,
    topic: &Topic,
    credential: Option<&str>,
    limit: Duration,
) -> Result<Socket, Error> {
    let unreachable = |reason: String| Error::Unreachable {
        url: target.url(),
        reason,
    };
    let io = dialer.dial(target).await?;
    let mut request = Request::get(format!(
        "ws://{}{}",
        target.authority(),
        target.path(&topic.path())
    ))
    .header(HOST, target.authority())
    .header("Connection", "Upgrade")
    .header("Upgrade", "websocket")
    .header("Sec-WebSocket-Version", "13")
    .header("Sec-WebSocket-Key", generate_key());
    if let Some(credential) = credential {
        request = request.header(AUTHORIZATION, credential);
    }
    let request = request
        .body(())
        .map_err(|error| Error::Usage(format!("no request can be made of that: {error}")))?;
    match timeout(limit, tokio_tungstenite::client_async(request, io)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err(Refusal::new(response.status(), body).into())
        }
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {limit:?}"))),
    }
}

/// Shows messages until there were enough, until Ctrl-C, or until the server ends it.
pub(crate) async fn run(watch: Watch, api: &mut Api) -> Result<(), Error> {
    let credential = credential(api, watch.key)?;
    let target = api.settings.ws.clone();
    let mut socket = open(
        &api.dialer,
        &target,
        &Topic::parse(&watch.channel),
        credential.as_deref(),
        api.settings.config.timeout.get(),
    )
    .await?;
    let ended = |reason: String| Error::Unreachable {
        url: target.url(),
        reason,
    };
    let mut left = watch.count;
    let mut alive = true;
    let mut ping = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    while left != Some(0) {
        let frame = tokio::select! {
            frame = socket.next() => frame,
            _ = tokio::signal::ctrl_c() => break,
            _ = ping.tick() => {
                if !std::mem::take(&mut alive) {
                    return Err(ended("no sign of life for a minute".to_owned()));
                }
                let sent = socket.send(Message::Ping(Bytes::new())).await;
                sent.map_err(|error| ended(error.to_string()))?;
                continue;
            }
        };
        alive = true;
        match frame {
            Some(Ok(Message::Text(text))) => show(api, text.as_bytes())?,
            Some(Ok(Message::Binary(bytes))) => show(api, &bytes)?,
            Some(Ok(Message::Close(close))) => {
                let reason = close.map(|close| format!("{} ({})", close.reason, close.code));
                return Err(ended(reason.unwrap_or_else(|| "it closed".to_owned())));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(error)) => return Err(ended(error.to_string())),
            None => return Err(ended("it closed".to_owned())),
        }
        left = left.map(|left| left - 1);
    }
    // The server may be gone already; there is nothing left to lose.
    let _ = socket.close(None).await;
    Ok(())
}

/// A script gets the bytes, a terminal what does it no harm.
fn show(api: &Api, payload: &[u8]) -> Result<(), Error> {
    let text = String::from_utf8_lossy(payload);
    if api.output.is_json() {
        let line = json!({ "payload": text }).to_string();
        return output::line(line.as_bytes());
    }
    if io::stdout().is_terminal() {
        return output::line(visible(&text).as_bytes());
    }
    output::line(payload)
}
