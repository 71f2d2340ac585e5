//! HTTP and gRPC over TLS, with certificates from `ssl/Makefile`.

use std::net::SocketAddr;
use std::process::Command;

use axum::Router;
use axum::routing::get;
use config::{Environment, Problems};
use server::{Limits, Listener, Runtime, Secured, Settings, connect};
use tls::{Acceptor, Alpn, ClientTls, Endpoint, endpoints};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::service::Routes;

use crate::grpc::call;
use crate::soon;

struct Certificates(tempfile::TempDir);

impl Certificates {
    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("make")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ssl"))
            .arg(format!("CRT_LOCATION={}", directory.path().display()))
            .args(["server_cert", "service_cert", "SERVICE=http-adapter"])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        Self(directory)
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
        let mut files = vec![
            ("CERT", "mainflux-server.crt"),
            ("KEY", "mainflux-server.key"),
        ];
        files.extend(ca.map(|ca| ("CLIENT_CA", ca)));
        let settings = self.settings(&endpoints::THINGS_GRPC, &files);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(any, Limits::default()).await.unwrap();
        listener.with_acceptor(Acceptor::open(&settings, alpn).unwrap())
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
