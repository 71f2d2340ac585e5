//! `ferroflux health`: asks a running process whether it is ready, for container engines that have nothing else to ask with.

use std::process::ExitCode;
use std::time::Duration;

use ::config::{Environment, Problems, load};
use anyhow::{Context, bail, ensure};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tls::{Alpn, ClientTls, endpoints};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::{HealthOptions, complain, print_line};
use crate::config::{Config, PREFIX};

/// How long the whole question may take; a process that is slower is not well.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most of an answer that is read and shown.
const MAX_ANSWER: usize = 16 * 1024;

/// Runs the command and returns the exit status of the process.
pub(crate) fn main(options: &HealthOptions) -> ExitCode {
    match ask(options) {
        Ok(answer) => {
            print_line(answer.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("not healthy: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn ask(options: &HealthOptions) -> anyhow::Result<String> {
    let uri = match &options.url {
        Some(url) => url.clone(),
        None => front(&Environment::process())?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let answer = runtime.block_on(async { timeout(DEADLINE, get(&uri)).await });
    answer.unwrap_or_else(|_| bail!("no answer from {uri} within {DEADLINE:?}"))
}

/// Returns where the embedded shape answers with this environment.
fn front(environment: &Environment) -> anyhow::Result<Uri> {
    let mut problems = Problems::new();
    let config: Option<Config> = load(environment, PREFIX, &mut problems);
    let tls = tls::Settings::load(
        environment,
        &endpoints::FRONT,
        &mut problems,
        &mut Vec::new(),
    );
    problems.into_result()?;
    let scheme = if tls.is_some_and(|tls| tls.is_enabled()) {
        "https"
    } else {
        "http"
    };
    let port = config.context("no configuration")?.front_port;
    Ok(format!("{scheme}://127.0.0.1:{port}/health").parse()?)
}

async fn get(uri: &Uri) -> anyhow::Result<String> {
    let host = uri.host().context("the URL has no host")?;
    let port = uri.port_u16();
    let encrypted = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => bail!("the URL begins with neither http:// nor https://"),
    };
    let address = (host, port.unwrap_or(if encrypted { 443 } else { 80 }));
    let io = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {host}:{}", address.1))?;
    if encrypted {
        let (io, _) = unverified()?.connect(host, io).await.context("no TLS")?;
        request(uri, io).await
    } else {
        request(uri, io).await
    }
}

/// Returns a client that takes any certificate: the question says nothing secret, and the name in the certificate is that
/// for the world, not that of this address.
fn unverified() -> anyhow::Result<ClientTls> {
    let environment = Environment::from([("MF_CLIENT_TLS_INSECURE_SKIP_VERIFY", "true")]);
    let mut problems = Problems::new();
    let settings = tls::Settings::load(
        &environment,
        &endpoints::CLIENT,
        &mut problems,
        &mut Vec::new(),
    );
    problems.into_result()?;
    Ok(ClientTls::open(&settings.context("no TLS")?, Alpn::none())?)
}

async fn request<I>(uri: &Uri, io: I) -> anyhow::Result<String>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().context("the URL has no host")?.as_str();
    let request = Request::get(path)
        .header(http::header::HOST, host)
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let (status, body) = tokio::select! {
        answer = exchange => answer,
        end = connection => Err(end.err().map_or_else(|| anyhow::anyhow!("closed without an answer"), Into::into)),
    }?;
    ensure!(
        status == StatusCode::OK,
        "{uri} answers {status}: {}",
        body.trim_end()
    );
    Ok(body)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;

    async fn serve(status: StatusCode) -> (Uri, JoinSet<std::io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route(
            "/health",
            get(move || async move { (status, "the reason") }),
        );
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        let url = format!("http://{address}/health");
        (url.parse().unwrap(), server)
    }

    #[tokio::test]
    async fn the_answer_is_told_and_anything_but_200_is_not_healthy() {
        let (well, _server) = serve(StatusCode::OK).await;
        assert_eq!(super::get(&well).await.unwrap(), "the reason");
        let (sick, _server) = serve(StatusCode::SERVICE_UNAVAILABLE).await;
        let told = super::get(&sick).await.unwrap_err().to_string();
        assert!(
            told.contains("503") && told.contains("the reason"),
            "{told}"
        );
        for nonsense in ["ftp://localhost/", "/health"] {
            assert!(
                super::get(&nonsense.parse().unwrap()).await.is_err(),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn the_front_is_where_the_environment_puts_it() {
        let front = |variables| {
            front(&Environment::from_map(variables))
                .unwrap()
                .to_string()
        };
        assert_eq!(front([].into()), "http://127.0.0.1:8080/health");
        let port = ("MF_FRONT_PORT".to_owned(), "81".to_owned());
        assert_eq!(front([port].into()), "http://127.0.0.1:81/health");
    }
}
