//! `ferroflux health`: asks a running process whether it is ready, for container engines that have nothing else to ask with.

use std::process::ExitCode;
use std::time::Duration;

use ::config::{Environment, Problems, load};
use anyhow::{Context, bail, ensure};
use axum::body::Body;
use http::{Request, StatusCode, Uri};
use http_body_util::BodyExt;
use tls::{Alpn, ClientTls, endpoints, http_client};
use tokio::time::timeout;

use crate::cli::{HealthOptions, complain, print_line};
use crate::config::{Config, PREFIX};

/// How long the whole question may take; a process that is slower is not well.
const DEADLINE: Duration = Duration::from_secs(5);

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
    let tls = match uri.scheme_str() {
        Some("http") => None,
        Some("https") => Some(unverified()?),
        _ => bail!("the URL begins with neither http:// nor https://"),
    };
    let answer = http_client::send(tls.as_ref(), Request::get(uri).body(Body::empty())?).await;
    let answer = answer.map_err(anyhow::Error::from_boxed);
    let answer = answer.with_context(|| format!("cannot ask {uri}"))?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    ensure!(
        status == StatusCode::OK,
        "{uri} answers {status}: {}",
        body.trim_end()
    );
    Ok(body)
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
