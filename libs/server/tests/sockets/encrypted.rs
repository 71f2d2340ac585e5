//! HTTP and gRPC over TLS, with certificates from `ssl/Makefile`.

use std::net::SocketAddr;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use config::{Environment, Problems};
use http::Request;
use server::{Connection, Limits, Listener, Runtime, Secured, Settings, connect};
use tls::{Acceptor, Alpn, ClientTls, Endpoint, Reloaded, endpoints};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tonic::service::Routes;

use crate::grpc::call;
use crate::soon;

struct Certificates(tempfile::TempDir);

impl Certificates {
    fn make() -> Self {
        let certificates = Self(tempfile::tempdir().unwrap());
        certificates.run(&["server_cert", "service_cert", "SERVICE=http-adapter"]);
        certificates
    }

    fn run(&self, arguments: &[&str]) {
        let made = Command::new("make")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ssl"))
            .arg(format!("CRT_LOCATION={}", self.0.path().display()))
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Makes another certificate of the server.
    fn renew(&self) {
        std::fs::remove_file(self.0.path().join("mainflux-server.crt")).unwrap();
        self.run(&["server_cert"]);
    }

    /// Settings of an endpoint, by the ends of its variables and the names of files.
    fn settings(&self, endpoint: &Endpoint, files: &[(&str, &str)]) -> tls::Settings {
        let path = |name: &str| self.0.path().join(name).to_str().unwrap().to_owned();
        let environment: Environment = files
            .iter()
            .map(|(field, file)| {
                (
                    format!("{}_TLS_{field}_PEM_FILE", endpoint.prefixes[0]),
                    path(file),
                )
            })
            .collect();
        let mut problems = Problems::new();
        let settings = tls::Settings::load(&environment, endpoint, &mut problems, &mut Vec::new());
        settings.unwrap_or_else(|| panic!("{problems}"))
    }

    async fn listener(&self, alpn: Alpn, ca: Option<&str>) -> Listener {
        let acceptor = self.acceptor(alpn, ca);
        listen(acceptor, Limits::default()).await
    }

    fn acceptor(&self, alpn: Alpn, ca: Option<&str>) -> Acceptor {
        let mut files = vec![
            ("CERT", "mainflux-server.crt"),
            ("KEY", "mainflux-server.key"),
        ];
        files.extend(ca.map(|ca| ("CLIENT_CA", ca)));
        let settings = self.settings(&endpoints::THINGS_GRPC, &files);
        Acceptor::open(&settings, alpn).unwrap()
    }

    fn client(&self, alpn: Alpn, own: bool) -> ClientTls {
        let mut files = vec![("SERVER_CA", "ca.crt")];
        if own {
            files.extend([
                ("CERT", "service-http-adapter.crt"),
                ("KEY", "service-http-adapter.key"),
            ]);
        }
        let settings = self.settings(&endpoints::HTTP_ADAPTER_THINGS, &files);
        ClientTls::open(&settings, alpn).unwrap()
    }
}

async fn listen(acceptor: Acceptor, limits: Limits) -> Listener {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any, limits).await.unwrap();
    listener.with_acceptor(acceptor)
}

/// Row 71.
#[tokio::test]
async fn half_a_head_is_closed_behind_tls_too() {
    let certificates = Certificates::make();
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let listener = listen(certificates.acceptor(Alpn::http(), None), limits).await;
    let addr = listener.local_addr();
    let runtime = Runtime::new(Settings::default());
    runtime.http("test", listener, Router::new());
    let client = certificates.client(Alpn::none(), false);
    for half in ["", "G", "GET / HTTP/1.1\r\nHost: te"] {
        let io = soon(TcpStream::connect(addr)).await.unwrap();
        let (mut stream, _) = soon(client.connect("localhost", io)).await.unwrap();
        soon(stream.write_all(half.as_bytes())).await.unwrap();
        let mut rest = Vec::new();
        let _ = soon(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{half}");
    }
}

/// Row 101: what is connected goes on, what connects sees the new certificate, and the stop waits for nobody.
#[tokio::test]
async fn a_channel_outlives_the_certificate_it_was_made_under() {
    let certificates = Certificates::make();
    let acceptor = certificates.acceptor(Alpn::grpc(), Some("ca.crt"));
    let tls = acceptor.tls().unwrap().clone();
    let listener = listen(acceptor, Limits::default()).await;
    let addr = format!("localhost:{}", listener.local_addr().port());
    let runtime = Runtime::new(Settings::default());
    runtime.grpc("grpc", listener, Routes::default());
    let client = certificates.client(Alpn::grpc(), true);
    let channel = connect(&addr, Some(client.clone())).unwrap();
    assert_eq!(call(channel.clone()).await.as_deref(), Some("12"));
    let serial = async || {
        let io = soon(TcpStream::connect(&addr)).await.unwrap();
        let (_, info) = soon(client.connect("localhost", io)).await.unwrap();
        info.peer.unwrap().serial.clone()
    };
    let before = serial().await;
    certificates.renew();
    assert_eq!(tls.reload().unwrap(), Reloaded::Swapped(2));
    assert_eq!(call(channel.clone()).await.as_deref(), Some("12"));
    assert_ne!(serial().await, before);
    runtime.stop().cancel();
    soon(runtime.wait()).await.unwrap();
    assert_eq!(call(channel).await, None);
}

/// A connection whose certificate is what its requests rest on, and what tells that it is over.
async fn held(alpn: Alpn) -> (impl AsyncRead + AsyncWrite + Unpin, Arc<Notify>, Runtime) {
    let certificates = Certificates::make();
    let listener = certificates.listener(Alpn::http(), Some("ca.crt")).await;
    let addr = listener.local_addr();
    let over = Arc::new(Notify::new());
    let revoked = Arc::clone(&over);
    let hold = move |connection: Connection| {
        let revoked = Arc::clone(&revoked);
        connection.end_when(|| async move { revoked.notified().await });
        async { "held" }
    };
    let runtime = Runtime::new(Settings::default());
    runtime.http("test", listener, Router::new().route("/", get(hold)));
    let io = soon(TcpStream::connect(addr)).await.unwrap();
    let client = certificates.client(alpn, true);
    let (stream, _) = soon(client.connect("localhost", io)).await.unwrap();
    (stream, over, runtime)
}

/// Row 35 for HTTP: the answer is given, and then the connection is over, however often the peer would ask.
#[tokio::test]
async fn a_connection_ends_when_what_it_rests_on_does() {
    let (mut stream, over, _runtime) = held(Alpn::none()).await;
    let mut answers = [0; 512];
    for _ in 0..2 {
        let request = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";
        soon(stream.write_all(request)).await.unwrap();
        let length = soon(stream.read(&mut answers)).await.unwrap();
        assert!(answers[..length].ends_with(b"held"));
    }
    over.notify_one();
    assert_eq!(soon(stream.read(&mut answers)).await.unwrap(), 0);
}

/// Row 35 for HTTP/2: the peer is told by GOAWAY that it need not ask here again.
#[tokio::test]
async fn a_connection_of_http_2_goes_away() {
    let (stream, over, _runtime) = held(Alpn::grpc()).await;
    let (mut sender, connection) = soon(h2::client::handshake(stream)).await.unwrap();
    let mut connection = pin!(connection);
    let request = Request::get("https://test/").body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    let answer = async {
        tokio::select! {
            answer = answer => answer.unwrap(),
            end = connection.as_mut() => panic!("{end:?}"),
        }
    };
    assert_eq!(soon(answer).await.status(), 200);
    over.notify_one();
    soon(connection).await.unwrap();
    let told = soon(sender.ready()).await.err().unwrap();
    assert!(told.is_go_away() && told.is_remote(), "{told}");
    assert_eq!(told.reason(), Some(h2::Reason::NO_ERROR));
}

#[tokio::test]
async fn handlers_know_the_peer_and_a_silent_one_keeps_nobody_waiting() {
    let certificates = Certificates::make();
    let listener = certificates.listener(Alpn::http(), Some("ca.crt")).await;
    let addr = listener.local_addr();
    let router = Router::new().route(
        "/",
        get(|secured: Secured| async move {
            let peer = secured.certificate();
            peer.map(|peer| peer.uris.join(" ")).unwrap_or_default()
        }),
    );
    let runtime = Runtime::new(Settings::default());
    runtime.http("test", listener, router);
    let _silent = soon(TcpStream::connect(addr)).await.unwrap();
    let client = certificates.client(Alpn::none(), true);
    let io = soon(TcpStream::connect(addr)).await.unwrap();
    let (mut stream, _) = soon(client.connect("localhost", io)).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    soon(stream.write_all(request)).await.unwrap();
    let mut response = String::new();
    soon(stream.read_to_string(&mut response)).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(
        response.ends_with("spiffe://ferroflux/svc/http-adapter"),
        "{response}"
    );
}

#[tokio::test]
async fn callers_need_the_certificate_that_is_asked_for() {
    let certificates = Certificates::make();
    let listener = certificates.listener(Alpn::grpc(), Some("ca.crt")).await;
    let addr = format!("localhost:{}", listener.local_addr().port());
    let runtime = Runtime::new(Settings::default());
    runtime.grpc("grpc", listener, Routes::default());
    for (tls, expected) in [
        (Some(certificates.client(Alpn::grpc(), true)), Some("12")),
        (Some(certificates.client(Alpn::grpc(), false)), None),
        (None, None),
    ] {
        let channel = connect(&addr, tls).unwrap();
        assert_eq!(call(channel).await.as_deref(), expected);
    }
}
