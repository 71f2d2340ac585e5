//! HTTP/1.1 over one connection per service, kept open between requests.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::dial::Dialer;
use crate::error::{Error, Refusal};
use crate::target::Target;

/// The largest answer that is read.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) target: &'a Target,
    pub(crate) path: &'a str,
    /// What is sent as `Authorization`, if anything.
    pub(crate) credential: Option<&'a str>,
    pub(crate) content_type: &'a str,
    pub(crate) body: Bytes,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Returns the reply of a server that did what it was asked, else its refusal.
    pub(crate) fn success(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(Refusal::new(self.status, &self.body).into())
    }
}

/// Makes requests.
pub(crate) struct Client {
    dialer: Dialer,
    limit: Duration,
    open: BTreeMap<String, SendRequest<Full<Bytes>>>,
    connections: JoinSet<()>,
}

impl Client {
    /// Starts without a connection.
    pub(crate) fn new(dialer: Dialer, limit: Duration) -> Self {
        Self {
            dialer,
            limit,
            open: BTreeMap::new(),
            connections: JoinSet::new(),
        }
    }

    /// Makes a request and returns the answer, whatever its status.
    pub(crate) async fn send(&mut self, call: Call<'_>) -> Result<Reply, Error> {
        let limit = self.limit;
        let result = timeout(limit, self.exchange(&call)).await;
        result.unwrap_or_else(|_| {
            Err(Error::Unreachable {
                url: call.target.url(),
                reason: format!("no answer within {limit:?}"),
            })
        })
    }

    async fn exchange(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        let lost = |error: &dyn std::error::Error| Error::Unreachable {
            url: call.target.url(),
            reason: reason(error),
        };
        let key = call.target.authority();
        let kept = self.open.remove(&key);
        let (mut sender, mut fresh) = match kept.filter(|sender| !sender.is_closed()) {
            Some(sender) => (sender, false),
            None => (self.connect(call.target).await?, true),
        };
        let response = loop {
            match sender.send_request(request(call)?).await {
                Ok(response) => break response,
                // The server closed it while it was idle, and nothing was sent.
                Err(error) if error.is_canceled() && !fresh => {
                    sender = self.connect(call.target).await?;
                    fresh = true;
                }
                Err(error) => return Err(lost(&error)),
            }
        };
        let reply = read(response).await.map_err(|error| lost(&*error))?;
        self.open.insert(key, sender);
        Ok(reply)
    }

    async fn connect(&mut self, target: &Target) -> Result<SendRequest<Full<Bytes>>, Error> {
        let io = self.dialer.dial(target).await?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(io))
                .await
                .map_err(|error| Error::Unreachable {
                    url: target.url(),
                    reason: reason(&error),
                })?;
        self.connections.spawn(async move {
            // What ends it is told by the request it ends.
            let _ = connection.await;
        });
        Ok(sender)
    }
}

fn request(call: &Call<'_>) -> Result<Request<Full<Bytes>>, Error> {
    let mut request = Request::builder()
        .method(&call.method)
        .uri(call.target.path(call.path))
        .header(HOST, call.target.authority());
    if let Some(credential) = call.credential {
        let mut value = HeaderValue::from_bytes(credential.as_bytes()).map_err(|_| {
            Error::Usage("the token or key has a character that no header can carry".to_owned())
        })?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    if !call.content_type.is_empty() {
        request = request.header(CONTENT_TYPE, call.content_type);
    }
    request
        .body(Full::new(call.body.clone()))
        .map_err(|error| Error::Usage(format!("no request can be made of that: {error}")))
}

async fn read(
    response: Response<Incoming>,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
    Ok(Reply {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// The causes of an error of hyper say what happened, its own text what it was doing.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
