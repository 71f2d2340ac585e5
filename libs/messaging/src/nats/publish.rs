//! Acknowledged publishing, to the streams of records and to those behind the buckets.

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{HeaderMap, Message, Request, RequestError, RequestErrorKind};
use bytes::Bytes;
use model::{Error, ErrorKind, Result};
use tokio::time::timeout;
use uuid::Uuid;

use super::error::{is_full, unavailable};
use super::link::{DEADLINE, Link};

/// What became of something published.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is stored at this sequence number.
    Stored(u64),
    /// The stream has no room for it.
    Full,
    /// The subject is not at the sequence number that the headers expect.
    Outdated,
}

/// Publishes, and waits until the stream has stored it.
///
/// When the connection is replaced meanwhile it is not known what became of the first copy, so a second one is sent; the
/// stream knows it by its id and stores it once.
pub(super) async fn store(
    link: &Link,
    subject: &str,
    id: Uuid,
    mut headers: HeaderMap,
    payload: Bytes,
) -> Result<Outcome> {
    headers.insert(NATS_MESSAGE_ID, id.to_string());
    let storing = async {
        loop {
            let mut connections = link.connections();
            link.connected().await;
            let request = Request::new()
                .headers(headers.clone())
                .payload(payload.clone())
                .timeout(None);
            tokio::select! {
                reply = link.client.send_request(subject.to_owned(), request) => {
                    return reply.map_err(|error| failed(&error)).and_then(|reply| outcome(&reply));
                }
                _ = connections.changed() => {}
            }
        }
    };
    timeout(DEADLINE, storing)
        .await
        .unwrap_or_else(|_| Err(unavailable("no acknowledgement in time")))
}

fn failed(error: &RequestError) -> Error {
    if error.kind() == RequestErrorKind::MaxPayloadExceeded {
        return Error::new(
            ErrorKind::Invalid,
            "too_long_for_bus",
            "that is longer than the bus accepts; the limit is the NATS server's max_payload",
        );
    }
    unavailable(error)
}

fn outcome(reply: &Message) -> Result<Outcome> {
    let reply = serde_json::from_slice(&reply.payload).map_err(unavailable)?;
    match reply {
        Response::<PublishAck>::Ok(ack) => Ok(Outcome::Stored(ack.sequence)),
        Response::Err { error } => match error.error_code() {
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE => Ok(Outcome::Outdated),
            code if is_full(code, &error.to_string()) => Ok(Outcome::Full),
            _ => Err(unavailable(error)),
        },
    }
}
