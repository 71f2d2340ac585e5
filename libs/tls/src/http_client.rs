//! One HTTP request on a connection of its own, with a deadline and a bounded answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use model::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::ClientTls;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of an answer; a chain of certificates is some thousand.
const MAX_BYTES: usize = 1 << 20;

/// Sends a request to the host its URL names, and returns the whole answer; `tls` is given where the URL begins with `https`.
///
/// # Errors
/// When there is no whole answer in time, or it has more than 1 MiB.
pub async fn send<B>(
    tls: Option<&ClientTls>,
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let late = |_| format!("no answer within {TIMEOUT:?}");
    timeout(TIMEOUT, dispatch(tls, request))
        .await
        .map_err(late)?
}

async fn dispatch<B>(
    tls: Option<&ClientTls>,
    request: Request<B>,
) -> Result<Response<Full<Bytes>>, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let uri = request.uri().clone();
    let host = uri.host().ok_or("the URL has no host")?;
    let open = async |port| {
        let address = (
            host.trim_matches(['[', ']']),
            uri.port_u16().unwrap_or(port),
        );
        TcpStream::connect(address).await
    };
    match (uri.scheme_str(), tls) {
        (Some("https"), Some(tls)) => {
            let (io, _) = tls.connect(host, open(443).await?).await?;
            exchange(io, &uri, request).await
        }
        (Some("http"), None) => exchange(open(80).await?, &uri, request).await,
        _ => Err(format!("{uri} is not taken here").into()),
    }
}

async fn exchange<S, B>(
    io: S,
    uri: &Uri,
    mut request: Request<B>,
) -> Result<Response<Full<Bytes>>, BoxError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = HeaderValue::from_str(authority)?;
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = path.parse()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
    let answer = async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_BYTES).collect().await?.to_bytes();
        Ok(Response::from_parts(parts, Full::new(body)))
    };
    // The connection ends when nobody can send on it any more, or with an error that the answer has too.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
