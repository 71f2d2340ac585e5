//! A listener that runs, with everything that looks after its certificates.

use std::pin::Pin;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use tls::{Acceptor, Alpn, Challenges, Reloader, Settings, endpoints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;

use crate::stage::{load, soon};

/// How long a CA may take here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who says hello to everybody.
pub(crate) struct Site {
    pub(crate) port: u16,
    pub(crate) challenges: Challenges,
    pub(crate) acceptor: Acceptor,
    _stop: tokio_util::sync::DropGuard,
    _tasks: JoinSet<()>,
}

pub(crate) fn settings(fields: &[(&str, &str)]) -> Result<Settings, String> {
    load(&endpoints::WS_ADAPTER, "MF_WS_ADAPTER", fields)
}

impl Site {
    /// Serves on a socket.
    pub(crate) fn serve(listener: TcpListener, fields: &[(&str, &str)]) -> Self {
        let acceptor = Acceptor::open(&settings(fields).unwrap(), Alpn::none()).unwrap();
        let mut reloader = Reloader::new();
        reloader.add_server(acceptor.tls().unwrap());
        let challenges = reloader.challenges();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let stopped = stop.clone();
        tasks.spawn(async move { reloader.run(stopped).await.unwrap() });
        let port = listener.local_addr().unwrap().port();
        tasks.spawn(greet(listener, acceptor.clone()));
        Self {
            port,
            challenges,
            acceptor,
            _stop: stop.drop_guard(),
            _tasks: tasks,
        }
    }

    /// Returns the certificate that is shown for a name, or why there is none.
    pub(crate) async fn shown(&self, name: Option<&str>) -> Result<X509, String> {
        let stream = self.call(name, &[]).await?;
        stream.ssl().peer_certificate().ok_or("none".to_owned())
    }

    /// Connects, whoever it is, and reads the greeting unless another protocol was spoken of.
    pub(crate) async fn call(
        &self,
        name: Option<&str>,
        alpn: &[u8],
    ) -> Result<SslStream<TcpStream>, String> {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        if !alpn.is_empty() {
            connector.set_alpn_protos(alpn).unwrap();
        }
        let configuration = connector.build().configure().unwrap();
        let configuration = configuration.use_server_name_indication(name.is_some());
        let ssl = configuration.into_ssl(name.unwrap_or("-")).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", self.port)).await;
        let mut stream = SslStream::new(ssl, socket.unwrap()).unwrap();
        let connected = soon(Pin::new(&mut stream).connect()).await;
        connected.map_err(|error| error.to_string())?;
        if alpn.is_empty() {
            let read = soon(stream.read_u8()).await;
            read.map_err(|error| error.to_string())?;
        }
        Ok(stream)
    }

    /// Waits until the certificate for a name is as it should be.
    pub(crate) async fn until(&self, name: Option<&str>, good: impl Fn(&X509) -> bool) -> X509 {
        eventually("a certificate", || async {
            self.shown(name).await.ok().filter(|cert| good(cert))
        })
        .await
    }

    /// Says why the listener refuses a client.
    pub(crate) async fn refusal(&self, name: Option<&str>) -> (&'static str, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accept = async {
            let (io, peer) = listener.accept().await.unwrap();
            self.acceptor.accept(io, peer).await
        };
        let there = Self {
            port,
            challenges: Challenges::default(),
            acceptor: self.acceptor.clone(),
            _stop: CancellationToken::new().drop_guard(),
            _tasks: JoinSet::new(),
        };
        let (accepted, called) = tokio::join!(accept, there.call(name, &[]));
        let reason = accepted
            .err()
            .map_or("ok", |refused| refused.reason.as_str());
        (reason, called.err().unwrap_or_default())
    }
}

async fn greet(listener: TcpListener, acceptor: Acceptor) {
    let mut connections = JoinSet::new();
    while let Ok((io, peer)) = listener.accept().await {
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            if let Ok(mut accepted) = acceptor.accept(io, peer).await {
                let _ = accepted.io.write_all(b"!").await;
            }
        });
    }
}

/// Tries until there is something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let result = timeout(PATIENCE, async {
        loop {
            if let Some(value) = attempt().await {
                return value;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let Ok(value) = result.await else {
        panic!("waited in vain for {what}");
    };
    value
}
