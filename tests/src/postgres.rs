use anyhow::Context;
use tokio_postgres::NoTls;
use uuid::Uuid;

/// Makes an empty database on the test server and returns the `MF_…_DB_…` variables that lead to it.
pub(crate) async fn database(service: &str) -> anyhow::Result<Vec<(String, String)>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told by its environment where the server is"
    )]
    let url = std::env::var("TEST_POSTGRES_URL")
        .context("TEST_POSTGRES_URL is not set: run through scripts/with-services.sh")?;
    let config: tokio_postgres::Config = url.parse()?;
    let (client, connection) = config
        .connect(NoTls)
        .await
        .context("the test PostgreSQL does not answer")?;
    let name = format!("e2e_{}", Uuid::new_v4().simple());
    let create = async {
        let result = client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await;
        drop(client);
        result
    };
    let (created, _) = tokio::join!(create, connection);
    created?;

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
