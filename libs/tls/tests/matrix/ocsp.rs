//! OCSP responses in the handshake, from the responder of the openssl command.

use std::path::Path;
use std::process::Stdio;

use openssl::ocsp::OcspResponse;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, StatusType};
use tls::{Alpn, ClientTls, Reloaded, endpoints};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_openssl::SslStream;

use crate::pebble::free_port;
use crate::pki::{Issued, Spec};
use crate::site::{Site, eventually, settings};
use crate::stage::{WORLD, load, soon};

/// A responder for what the intermediate signed.
struct Responder {
    directory: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl Responder {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("ca.crt"), WORLD.intermediate.cert_pem()).unwrap();
        std::fs::write(path("ca.key"), WORLD.intermediate.key_pem()).unwrap();
        let port = free_port();
        Self {
            directory,
            port,
            running: None,
        }
    }

    /// A server whose certificate leads here.
    fn server(&self) -> Issued {
        WORLD.intermediate.issue(&Spec {
            responder: Some(format!("http://127.0.0.1:{}", self.port)),
            ..Spec::server(&["localhost"])
        })
    }

    /// Runs with what it is to say: `V` for good, `R` for revoked.
    fn run(&mut self, known: &[(&Issued, char)]) {
        let line = |(issued, status): &(&Issued, char)| {
            let serial = issued
                .cert
                .serial_number()
                .to_bn()
                .unwrap()
                .to_hex_str()
                .unwrap();
            let revoked = if *status == 'R' { "200101000000Z" } else { "" };
            format!("{status}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/CN={serial}\n")
        };
        let index: String = known.iter().map(line).collect();
        std::fs::write(self.directory.path().join("index.txt"), index).unwrap();
        let port = self.port.to_string();
        let arguments =
            "ocsp -index index.txt -CA ca.crt -rkey ca.key -rsigner ca.crt -nmin 60 -port";
        let child = Command::new("openssl")
            .args(arguments.split(' '))
            .arg(port)
            .current_dir(self.directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.running = Some(child.unwrap());
    }
}

impl Responder {
    /// Returns when its port is free again.
    async fn stop(&mut self) {
        self.running.take().unwrap().kill().await.unwrap();
    }
}

fn write(directory: &Path, issued: &Issued) {
    std::fs::write(directory.join("tls.crt"), issued.pem()).unwrap();
    std::fs::write(directory.join("tls.key"), issued.key_pem()).unwrap();
}

async fn site(directory: &Path, stapling: &str) -> Site {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("tls.crt"), path("tls.key"));
    let fields = [
        ("CERT_PEM_FILE", cert.as_str()),
        ("KEY_PEM_FILE", &key),
        ("OCSP_STAPLING", stapling),
        ("RELOAD", "signal"),
    ];
    Site::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), &fields)
}

/// The serial number and the response that a client is shown which asks for one.
async fn stapled(site: &Site) -> Result<(Vec<u8>, Option<OcspResponse>), String> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let mut ssl = connector
        .build()
        .configure()
        .unwrap()
        .into_ssl("localhost")
        .unwrap();
    ssl.set_status_type(StatusType::OCSP).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
    let mut stream = SslStream::new(ssl, socket).unwrap();
    let connected = soon(std::pin::Pin::new(&mut stream).connect()).await;
    connected.map_err(|error| error.to_string())?;
    let response = stream.ssl().ocsp_status().map(OcspResponse::from_der);
    let cert = stream.ssl().peer_certificate().unwrap();
    let serial = cert.serial_number().to_bn().unwrap().to_vec();
    Ok((serial, response.map(Result::unwrap)))
}

async fn until_stapled(site: &Site) {
    eventually("a response", || async { stapled(site).await.ok()?.1 }).await;
}

#[tokio::test]
async fn a_good_response_is_presented_and_a_client_that_demands_one_is_content() {
    let mut responder = Responder::new();
    let server = responder.server();
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &server);
    let site = site(directory.path(), "auto").await;
    assert_eq!(connect(site.port, "auto").await, "ok");
    assert_eq!(connect(site.port, "must").await, "ocsp_unavailable");
    responder.run(&[(&server, 'V')]);
    until_stapled(&site).await;
    assert_eq!(connect(site.port, "must").await, "ok");
}

/// What our client makes of the server on a port of this machine.
async fn connect(port: u16, stapling: &str) -> &'static str {
    let ca = WORLD.root.cert_pem();
    let fields = [("SERVER_CA_PEM", ca.as_str()), ("OCSP_STAPLING", stapling)];
    let settings = load(
        &endpoints::WS_ADAPTER_THINGS,
        "MF_WS_ADAPTER_CLIENT",
        &fields,
    );
    let client = ClientTls::open(&settings.unwrap(), Alpn::none()).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connected = soon(client.connect("localhost", socket)).await;
    connected.map_or_else(|refused| refused.reason.as_str(), |_| "ok")
}

#[tokio::test]
async fn must_keeps_the_last_certificate_that_has_a_response() {
    let mut responder = Responder::new();
    let (first, second) = (responder.server(), responder.server());
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &first);
    let site = site(directory.path(), "must").await;
    let refused = stapled(&site).await.err().unwrap();
    assert!(refused.contains("internal error"), "{refused}");
    responder.run(&[(&first, 'V')]);
    until_stapled(&site).await;

    // The responder dies: what it said stays, and nothing new goes without a word of it.
    responder.stop().await;
    write(directory.path(), &second);
    let tls = site.acceptor.tls().unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("no OCSP response"), "{error}");
    let serial = |issued: &Issued| issued.cert.serial_number().to_bn().unwrap().to_vec();
    let (shown, response) = stapled(&site).await.unwrap();
    assert!(shown == serial(&first) && response.is_some());

    // It comes back, and the swap is made up for.
    responder.run(&[(&first, 'V'), (&second, 'V')]);
    eventually("the second certificate", || async {
        let (shown, response) = stapled(&site).await.ok()?;
        (shown == serial(&second) && response.is_some()).then_some(())
    })
    .await;
    assert_eq!(tls.reload().unwrap(), Reloaded::Unchanged);
}

#[tokio::test]
async fn a_client_of_ours_refuses_a_server_whose_own_response_says_revoked() {
    let mut responder = Responder::new();
    let server = responder.server();
    responder.run(&[(&server, 'R')]);
    let response = eventually("the responder", || async { ask(&responder, &server).await }).await;
    for (stapling, expected) in [("off", "ok"), ("auto", "revoked"), ("must", "revoked")] {
        let foreign = Foreign::serve(&server, response.clone()).await;
        let outcome = connect(foreign.port, stapling).await;
        assert_eq!(outcome, expected, "{stapling}");
    }
}

/// Asks the responder as anybody would.
async fn ask(responder: &Responder, server: &Issued) -> Option<Vec<u8>> {
    let path = |name: &str| responder.directory.path().join(name);
    std::fs::write(path("server.crt"), server.cert_pem()).unwrap();
    let url = format!("http://127.0.0.1:{}", responder.port);
    let arguments =
        "ocsp -issuer ca.crt -cert server.crt -CAfile ca.crt -partial_chain -respout response -url";
    let asked = Command::new("openssl")
        .args(arguments.split(' '))
        .arg(url)
        .current_dir(responder.directory.path())
        .output();
    asked.await.unwrap();
    std::fs::read(path("response")).ok()
}

/// A server of somebody else that presents whatever response it was given.
struct Foreign {
    port: u16,
    _tasks: tokio::task::JoinSet<()>,
}

impl Foreign {
    async fn serve(server: &Issued, response: Vec<u8>) -> Self {
        let mut builder =
            openssl::ssl::SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder.set_certificate(&server.cert).unwrap();
        builder
            .add_extra_chain_cert(server.chain[0].clone())
            .unwrap();
        builder.set_private_key(&server.key).unwrap();
        builder
            .set_status_callback(move |ssl| ssl.set_ocsp_status(&response).map(|()| true))
            .unwrap();
        let acceptor = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let (io, _) = listener.accept().await.unwrap();
            let ssl = openssl::ssl::Ssl::new(acceptor.context()).unwrap();
            let mut stream = SslStream::new(ssl, io).unwrap();
            // The client may not like what it sees.
            let _ = std::pin::Pin::new(&mut stream).accept().await;
        });
        Self {
            port,
            _tasks: tasks,
        }
    }
}

#[test]
fn must_needs_somebody_to_ask() {
    let responder = Responder::new();
    let mut alone = responder.server();
    alone.chain.clear();
    for (issued, expected) in [
        (
            &WORLD.server,
            "CERT_PEM holds a certificate that names no OCSP responder",
        ),
        (&alone, "CERT_PEM holds no certificate of the issuer"),
    ] {
        let (cert, key) = (issued.pem(), issued.key_pem());
        let pair = [("CERT_PEM", cert.as_str()), ("KEY_PEM", &key)];
        let error = settings(&[pair[0], pair[1], ("OCSP_STAPLING", "must")]);
        let error = error.err().unwrap();
        assert!(error.contains(expected), "{error}");
        assert!(settings(&[pair[0], pair[1], ("OCSP_STAPLING", "auto")]).is_ok());
    }
}
