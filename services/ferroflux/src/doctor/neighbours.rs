//! Whether the roles that run elsewhere can be reached over gRPC, with the certificates that are configured.

use std::time::Duration;

use tls::{Alpn, ClientTls, Endpoint, Reason, Refused, endpoints};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::Findings;
use crate::certificates::THINGS_CLIENTS;
use crate::role::Role;
use crate::settings::Settings;

/// How long each step may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// What a client of HTTP/2 begins with: the preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Where a frame of HTTP/2 has its type, and that of settings.
const TYPE: usize = 3;
const SETTINGS: u8 = 4;

pub(super) async fn look(findings: &mut Findings, settings: &Settings) {
    let (shape, process) = (&settings.shape, &settings.process);
    if shape.has(Role::Things) && !shape.has(Role::Users) {
        let url = ("MF_USERS_URL", process.users_url.as_str());
        knock(findings, settings, url, &[&endpoints::THINGS_USERS]).await;
    }
    if shape.asks_things() && !shape.has(Role::Things) {
        let url = ("MF_THINGS_URL", process.things_url.as_str());
        knock(findings, settings, url, &THINGS_CLIENTS).await;
    }
}

async fn knock(
    findings: &mut Findings,
    settings: &Settings,
    (variable, url): (&str, &str),
    clients: &[&Endpoint],
) {
    let mut here = clients
        .iter()
        .filter(|client| settings.certificates.settings(client).is_some());
    let endpoint = here
        .clone()
        .find(|client| settings.certificates.encrypts(client))
        .or_else(|| here.next())
        .copied()
        .unwrap_or(clients[0]);
    match attempt(settings, url, endpoint).await {
        Ok(()) => findings.good(variable, format!("leads to gRPC at {url}")),
        Err((subject, text)) => {
            findings.fault(subject.unwrap_or_else(|| variable.to_owned()), text);
        }
    }
}

/// What is wrong, and with which variable if not with the URL.
type Fault = (Option<String>, String);

async fn attempt(settings: &Settings, url: &str, endpoint: &Endpoint) -> Result<(), Fault> {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    let bare = bare.trim_end_matches('/');
    let tcp = match timeout(DEADLINE, TcpStream::connect(bare)).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => return Err((None, format!("leads to {url}: {error}"))),
        Err(_) => return Err((None, format!("leads to {url}, which does not answer"))),
    };
    let tls = settings.certificates.settings(endpoint);
    let Some(tls) = tls.filter(|tls| tls.is_enabled()) else {
        let ca = endpoint.variable("SERVER_CA_PEM_FILE");
        return greet(tcp).await.map_err(|()| {
            let text = format!("is not set, and {url} does not speak gRPC without TLS");
            (Some(ca), text)
        });
    };
    let tls = ClientTls::open(tls, Alpn::grpc()).map_err(|error| (None, error.to_string()))?;
    let host = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
    let (stream, _) = tls
        .connect(host, tcp)
        .await
        .map_err(|refused| explain(&refused, url, endpoint))?;
    // With TLS 1.3 the server judges our certificate after the handshake.
    greet(stream).await.map_err(|()| {
        let text = format!(
            "is not what {url} asks of clients: it ends the connection after the handshake"
        );
        (Some(endpoint.variable("CERT_PEM_FILE")), text)
    })
}

async fn greet(mut io: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), ()> {
    let exchange = async {
        io.write_all(PREFACE).await?;
        let mut frame = [0; 9];
        io.read_exact(&mut frame).await?;
        Ok::<_, std::io::Error>(frame[TYPE] == SETTINGS)
    };
    match timeout(DEADLINE, exchange).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false) | Err(_)) | Err(_) => Err(()),
    }
}

fn explain(refused: &Refused, url: &str, endpoint: &Endpoint) -> Fault {
    let variable = |field| Some(endpoint.variable(field));
    let told = refused.to_string();
    match refused.reason {
        Reason::UnknownCa => (
            variable("SERVER_CA_PEM_FILE"),
            format!("does not hold the CA that signed the certificate of {url}: {told}"),
        ),
        Reason::Name => (
            None,
            format!("calls the server by a name its certificate does not have: {told}"),
        ),
        Reason::NoClientCert | Reason::Alert => (
            variable("CERT_PEM_FILE"),
            format!("is not what {url} asks of clients: {told}"),
        ),
        Reason::Plaintext | Reason::Protocol => (
            None,
            format!("leads to {url}, which does not speak TLS as it is asked to: {told}"),
        ),
        _ => (None, format!("leads to {url}: {told}")),
    }
}
