//! A listener and a client that meet once.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::Poll;
use std::time::{Duration, Instant};

use config::{Environment, Problems};
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode};
use tls::{Accepted, Acceptor, Alpn, Endpoint, Refused, Settings, endpoints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::pki::{Issued, Spec};

/// What the tests share: a root, an intermediate below it, a server of each, and a stranger.
pub(crate) struct World {
    pub(crate) root: Issued,
    pub(crate) intermediate: Issued,
    pub(crate) server: Issued,
    pub(crate) client: Issued,
    pub(crate) stranger: Issued,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Issued::root(&Spec::ca("root"));
    let intermediate = root.issue(&Spec::ca("intermediate"));
    World {
        server: intermediate.issue(&Spec::server(&["localhost", "IP:127.0.0.1"])),
        client: intermediate.issue(&Spec::client()),
        stranger: Issued::root(&Spec::ca("stranger")),
        intermediate,
        root,
    }
});

/// The settings a test adds, by the end of the variable's name.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

pub(crate) const ENDPOINT: &Endpoint = &endpoints::HTTP_ADAPTER;

/// Settings of an endpoint whose variables start with a prefix.
pub(crate) fn load(
    endpoint: &Endpoint,
    prefix: &str,
    fields: Fields<'_>,
) -> Result<Settings, String> {
    let environment: Environment = fields
        .iter()
        .map(|(name, value)| (format!("{prefix}_TLS_{name}"), (*value).to_owned()))
        .collect();
    let mut problems = Problems::new();
    let settings = Settings::load(&environment, endpoint, &mut problems, &mut Vec::new());
    settings.ok_or_else(|| problems.to_string())
}

/// An acceptor with the server of the world and more settings.
pub(crate) fn acceptor(alpn: Alpn, fields: Fields<'_>) -> Acceptor {
    let (cert, key) = (WORLD.server.pem(), WORLD.server.key_pem());
    let mut all = vec![("CERT_PEM", cert.as_str()), ("KEY_PEM", key.as_str())];
    all.extend_from_slice(fields);
    let settings = load(ENDPOINT, "MF_HTTP_ADAPTER", &all).unwrap();
    Acceptor::open(&settings, alpn).unwrap()
}

/// The same, asking for certificates that the root signed.
pub(crate) fn mutual(fields: Fields<'_>) -> Acceptor {
    let ca = WORLD.root.cert_pem();
    let mut all = vec![("CLIENT_CA_PEM", ca.as_str())];
    all.extend_from_slice(fields);
    acceptor(Alpn::none(), &all)
}

/// Waits for something that has to happen soon.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let Ok(output) = timeout(Duration::from_secs(20), future).await else {
        panic!("it did not happen in time");
    };
    output
}

/// Polls once; what is ready is returned.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A socket at each end of one connection.
pub(crate) async fn sockets() -> (TcpStream, TcpStream, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    (server, client, peer)
}

/// What both sides saw.
pub(crate) struct Meeting {
    pub(crate) server: Result<Accepted, Refused>,
    pub(crate) client: Result<SslStream<TcpStream>, String>,
}

impl Meeting {
    /// The reason of the listener, or `ok`.
    pub(crate) fn outcome(&self) -> &'static str {
        match &self.server {
            Ok(_) => "ok",
            Err(refused) => refused.reason.as_str(),
        }
    }
}

/// A client that trusts the root.
pub(crate) fn connector(set: impl FnOnce(&mut SslConnectorBuilder)) -> SslConnector {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder
        .cert_store_mut()
        .add_cert(WORLD.root.cert.clone())
        .unwrap();
    builder.set_verify(SslVerifyMode::PEER);
    set(&mut builder);
    builder.build()
}

/// Lets a client connect; both say a word, because with TLS 1.3 the client hears of its refusal only then.
pub(crate) async fn meet(
    acceptor: &Acceptor,
    set: impl FnOnce(&mut SslConnectorBuilder),
) -> Meeting {
    meet_with(acceptor, connector(set)).await
}

pub(crate) async fn meet_with(acceptor: &Acceptor, connector: SslConnector) -> Meeting {
    let (server, client, peer) = sockets().await;
    let serve = async {
        let mut accepted = acceptor.accept(server, peer).await?;
        accepted.io.write_all(b"hello").await?;
        Ok(accepted)
    };
    let call = async {
        let ssl = connector
            .configure()
            .unwrap()
            .into_ssl("localhost")
            .unwrap();
        let mut stream = SslStream::new(ssl, client).unwrap();
        let connected = Pin::new(&mut stream).connect().await;
        connected.map_err(|error| error.to_string())?;
        let mut word = [0; 5];
        let read = stream.read_exact(&mut word).await;
        read.map_err(|error| error.to_string())?;
        Ok(stream)
    };
    let (server, client) = soon(async { tokio::join!(serve, call) }).await;
    Meeting { server, client }
}

/// Sends bytes as they are; returns what the listener thinks and how long it took.
pub(crate) async fn throw(
    acceptor: &Acceptor,
    bytes: &[u8],
) -> (Result<Accepted, Refused>, Duration) {
    let (server, mut client, peer) = sockets().await;
    client.write_all(bytes).await.unwrap();
    let started = Instant::now();
    let accept = async {
        let result = acceptor.accept(server, peer).await;
        (result, started.elapsed())
    };
    // A refused peer leaves when it is told to, as a decent one does.
    let leave = async move {
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        drop(client);
        pending::<Infallible>().await
    };
    soon(async {
        tokio::select! {
            done = accept => done,
            never = leave => match never {},
        }
    })
    .await
}
