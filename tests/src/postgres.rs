use std::time::Duration;

use anyhow::Context;
use tokio_postgres::NoTls;
use uuid::Uuid;

/// Makes an empty database on the test server and returns the `MF_…_DB_…` variables that lead to it.
pub(crate) async fn database(service: &str) -> anyhow::Result<Vec<(String, String)>> {
    let config = server()?;
    let name = format!("e2e_{}", Uuid::new_v4().simple());
    execute(&[&format!("CREATE DATABASE {name}")]).await?;
    let host = config
        .get_hosts()
        .first()
        .context("no host in TEST_POSTGRES_URL")?;
    let host = match host {
        tokio_postgres::config::Host::Tcp(host) => host.clone(),
        tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let password = config.get_password().unwrap_or_default();
    let prefix = format!("MF_{service}_DB");
    Ok(vec![
        (format!("{prefix}_HOST"), host),
        (format!("{prefix}_PORT"), port.to_string()),
        (
            format!("{prefix}_USER"),
            config.get_user().unwrap_or("postgres").to_owned(),
        ),
        (
            format!("{prefix}_PASS"),
            String::from_utf8_lossy(password).into_owned(),
        ),
        (prefix, name),
    ])
}

/// Ends every connection to a database and refuses new ones for a while.
pub(crate) async fn interrupt(name: &str, away: Duration) -> anyhow::Result<()> {
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    execute(&[
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        &end,
    ])
    .await?;
    tokio::time::sleep(away).await;
    execute(&[&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")]).await
}

async fn execute(statements: &[&str]) -> anyhow::Result<()> {
    let (client, connection) = server()?
        .connect(NoTls)
        .await
        .context("the test PostgreSQL does not answer")?;
    let run = async {
        let mut result = Ok(());
        for statement in statements {
            result = client.batch_execute(statement).await;
            if result.is_err() {
                break;
            }
        }
        drop(client);
        result
    };
    let (done, _) = tokio::join!(run, connection);
    Ok(done?)
}

fn server() -> anyhow::Result<tokio_postgres::Config> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told by its environment where the server is"
    )]
    let url = std::env::var("TEST_POSTGRES_URL")
        .context("TEST_POSTGRES_URL is not set: run through scripts/with-services.sh")?;
    Ok(url.parse()?)
}
