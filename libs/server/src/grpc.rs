use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use http::Uri;
use hyper_util::rt::TokioIo;
use model::BoxError;
use tls::ClientTls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server};
use tower::service_fn;

use crate::{Listener, Runtime};

/// How long the server works on one call at most.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a silent peer is asked whether it is still there, and how long it has for the answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl Runtime {
    /// Serves gRPC on a listener until the stop, then lets calls under way finish.
    ///
    /// Messages are bounded by tonic's 4 MiB, calls by a timeout and by the streams of the listener's limits.
    pub fn grpc(&self, name: &'static str, listener: Listener, routes: Routes) {
        let stop = self.stop();
        self.spawn(name, async move {
            let limits = listener.limits();
            let router = Server::builder()
                .timeout(CALL_TIMEOUT)
                .http2_keepalive_interval(Some(PING_INTERVAL))
                .http2_keepalive_timeout(Some(PING_TIMEOUT))
                .max_concurrent_streams(limits.streams)
                .http2_max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
                .add_routes(routes);
            let incoming = stream::unfold(listener, |listener| async move {
                let conn = listener.accept().await;
                Some((Ok::<_, Infallible>(conn), listener))
            });
            router
                .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
                .await?;
            Ok(())
        });
    }
}

/// Why a text does not say where a gRPC server is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{url}' is no address of a gRPC server: {reason}; write host:port or http://host:port")]
pub struct ConnectError {
    url: String,
    reason: String,
}

/// Returns a channel to a gRPC server that connects when it is first used, and again after it was lost.
///
/// Accepts `host:port`, as 0.9 does, and `http://host:port`; with TLS it is encrypted all the same. The caller sets the
/// timeout of each call.
pub fn connect(url: &str, tls: Option<ClientTls>) -> Result<Channel, ConnectError> {
    let endpoint = endpoint(url)?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    Ok(match tls {
        None => endpoint.connect_lazy(),
        Some(tls) => endpoint.connect_with_connector_lazy(service_fn(move |uri: Uri| {
            let tls = tls.clone();
            async move { connect_tls(&uri, &tls).await }
        })),
    })
}

async fn connect_tls(
    uri: &Uri,
    tls: &ClientTls,
) -> Result<TokioIo<impl AsyncRead + AsyncWrite + use<>>, BoxError> {
    // The endpoint was checked for both.
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let io = TcpStream::connect((bare, port)).await?;
    io.set_nodelay(true)?;
    let (stream, _) = tls.connect(host, io).await?;
    Ok(TokioIo::new(stream))
}

/// Checks an address for [`connect`] without connecting.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    endpoint(url).map(drop)
}

fn endpoint(url: &str) -> Result<Endpoint, ConnectError> {
    let error = |reason: &str| ConnectError {
        url: url.to_owned(),
        reason: reason.to_owned(),
    };
    let full = match url.split_once("://") {
        Some(("http", _)) => url.to_owned(),
        Some((scheme, _)) => return Err(error(&format!("the scheme {scheme} is not supported"))),
        None => format!("http://{url}"),
    };
    let endpoint = Endpoint::from_shared(full).map_err(|_| error("it is malformed"))?;
    let uri = endpoint.uri();
    if uri.host().is_none_or(str::is_empty) || uri.port_u16().is_none() {
        return Err(error("host or port is missing"));
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(error("it has a path"));
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::connect;

    #[tokio::test]
    async fn addresses() {
        for good in [
            "localhost:8183",
            "things:8183",
            "http://10.0.0.1:1",
            "[::1]:8181",
            "http://h:1/",
        ] {
            assert!(connect(good, None).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "http://",
            "https://things:8183",
            "tcp://x:1",
            "a b:1",
            ":8181",
            "x:1/path",
            "x:99999",
        ] {
            let error = connect(bad, None).unwrap_err().to_string();
            assert!(
                error.contains(&format!("'{bad}'")) && error.contains("host:port"),
                "{error}"
            );
        }
    }
}
