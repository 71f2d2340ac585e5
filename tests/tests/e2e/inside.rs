//! Every hop inside the platform over mutual TLS: gRPC, PostgreSQL and NATS, with certificates of `make certs`.

use anyhow::ensure;
use e2e::{Platform, Role, Shape, curl, until};

use crate::certificates::Certificates;
use crate::stage::Stage;

/// What the listeners of gRPC demand, and what their callers show: role, prefix, service.
const CALLERS: [(&str, &str); 6] = [
    ("MF_THINGS_CLIENT", "things"),
    ("MF_HTTP_ADAPTER_CLIENT", "http-adapter"),
    ("MF_WS_ADAPTER_CLIENT", "ws-adapter"),
    ("MF_MQTT_ADAPTER_CLIENT", "mqtt-adapter"),
    ("MF_WRITER_CLIENT", "writer"),
    ("MF_READER_CLIENT", "reader"),
];

const CALLEES: [(&str, &str, &str); 2] = [
    ("MF_USERS_GRPC", "users", "spiffe://ferroflux/svc/things"),
    (
        "MF_THINGS_GRPC",
        "things",
        "spiffe://ferroflux/svc/http-adapter,spiffe://ferroflux/svc/ws-adapter,spiffe://ferroflux/svc/mqtt-adapter,\
         spiffe://ferroflux/svc/writer,spiffe://ferroflux/svc/reader",
    ),
];

type Variables = Vec<(String, String)>;

fn borrowed(variables: &Variables) -> Vec<(&str, &str)> {
    variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the server is"
)]
fn variables(certificates: &Certificates) -> anyhow::Result<Variables> {
    let mut all = Variables::new();
    let mut files = |prefix: &str, service: &str, ca: &str| {
        for (field, file) in [
            ("CERT", format!("service-{service}.crt")),
            ("KEY", format!("service-{service}.key")),
            (ca, "ca.crt".to_owned()),
        ] {
            let name = format!("{prefix}_TLS_{field}_PEM_FILE");
            all.push((name, certificates.path(&file)));
        }
    };
    for (prefix, service) in CALLERS {
        files(prefix, service, "SERVER_CA");
    }
    for (prefix, service, _) in CALLEES {
        files(prefix, service, "CLIENT_CA");
    }
    for (prefix, _, allowed) in CALLEES {
        all.push((format!("{prefix}_TLS_ALLOWED_IDS"), allowed.to_owned()));
    }
    let ca = std::env::var("TEST_POSTGRES_CA")?;
    for service in ["USERS", "THINGS", "WRITER", "READER"] {
        let mode = format!("MF_{service}_DB_SSL_MODE");
        all.push((mode, "verify-full".to_owned()));
        all.push((format!("MF_{service}_DB_SSL_ROOT_CERT"), ca.clone()));
    }
    for (name, file) in [
        ("MF_NATS_CA_CERTS", "ca.crt"),
        ("MF_NATS_CLIENT_CERT", "service-things.crt"),
        ("MF_NATS_CLIENT_KEY", "service-things.key"),
    ] {
        all.push((name.to_owned(), certificates.path(file)));
    }
    // Row 98: what the system trusts is not asked, so a bundle that is broken is no matter.
    all.push(("SSL_CERT_FILE".to_owned(), "/nowhere".to_owned()));
    Ok(all)
}

async fn start(certificates: &Certificates) -> anyhow::Result<Platform> {
    let services = "SERVICES=users things http-adapter ws-adapter mqtt-adapter writer reader";
    certificates
        .run(&["service_certs", "nats_cert", services])
        .await?;
    let files = ["nats.crt", "nats.key", "ca.crt"].map(|file| certificates.path(file));
    let [cert, key, ca] = files;
    let nats = [
        "--tlsverify".to_owned(),
        format!("--tlscert={cert}"),
        format!("--tlskey={key}"),
        format!("--tlscacert={ca}"),
    ];
    let nats: Vec<&str> = nats.iter().map(String::as_str).collect();
    let variables = variables(certificates)?;
    Platform::start_on_nats(Shape::Separate, &borrowed(&variables), &nats).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_through() -> anyhow::Result<()> {
    let certificates = Certificates::make().await?;
    let stage = Stage::on(start(&certificates).await?).await?;
    let mut socket = crate::clients::websocket(
        &stage.socket(&format!("?authorization={}", stage.thing.key))?,
        &[],
    )
    .await?;
    assert_eq!(socket.line().await?, "open");
    let path = format!("{}/messages", stage.channel);
    let status = stage.post(&stage.thing.key, &path, "by TLS", "").await?;
    assert_eq!(status, 202);
    assert_eq!(socket.line().await?, "text by TLS");
    Ok(())
}

/// Rows 80 and 100: who is not let in is up and says that it is not ready, and why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_are_not_let_in_are_not_ready() -> anyhow::Result<()> {
    let (certificates, foreign) = (Certificates::make().await?, Certificates::make().await?);
    foreign
        .run(&["service_cert", "SERVICE=http-adapter"])
        .await?;
    let mut platform = start(&certificates).await?;
    let theirs = |suffix| foreign.path(&format!("service-http-adapter.{suffix}"));
    let users = |suffix| certificates.path(&format!("service-users.{suffix}"));
    let none = String::new;
    for (case, cert, key, ca, told) in [
        ("no certificate", none(), none(), None, "no_client_cert"),
        (
            "of another CA",
            theirs("crt"),
            theirs("key"),
            None,
            "unknown_ca",
        ),
        (
            "of another service",
            users("crt"),
            users("key"),
            None,
            "policy",
        ),
        (
            "another server than expected",
            users("crt"),
            users("key"),
            Some(foreign.path("ca.crt")),
            "alert",
        ),
    ] {
        let prefix = "MF_HTTP_ADAPTER_CLIENT_TLS";
        let ca = ca.unwrap_or(certificates.path("ca.crt"));
        let names = ["CERT", "KEY", "SERVER_CA"].map(|part| format!("{prefix}_{part}_PEM_FILE"));
        let values = [cert, key, ca];
        let variables: Vec<_> = names.iter().zip(&values).collect();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        platform.restart_with(Role::HttpAdapter, &variables).await?;
        let url = format!("{}/health/ready", platform.url("http-adapter")?);
        let before = refusals(&platform, told).await?;
        let refused = async || {
            let reply = curl(&[&url]).await.ok()?;
            let counted = refusals(&platform, told).await.ok()?;
            (reply.status == 503 && counted > before).then_some(reply)
        };
        let reply = until(case, refused).await?;
        assert_eq!(reply.json()["checks"]["adapter"], "fail", "{case}");
        let live = url.replace("ready", "live");
        assert_eq!(curl(&[&live]).await?.status, 200, "{case}");
    }
    platform.restart(Role::HttpAdapter).await
}

/// Returns how many callers things has refused for a reason.
async fn refusals(platform: &Platform, reason: &str) -> anyhow::Result<u64> {
    let metrics = curl(&[&format!("{}/metrics", platform.url("things-http")?)]).await?;
    Ok(crate::listeners::count(
        &metrics.body,
        "things-grpc",
        reason,
    ))
}

/// What has no right to the servers does not start, and says which variable is to blame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_another_ca_stop_the_start() -> anyhow::Result<()> {
    let (certificates, foreign) = (Certificates::make().await?, Certificates::make().await?);
    let mut platform = start(&certificates).await?;
    let other = foreign.path("ca.crt");
    for (variables, told) in [
        (&[("MF_USERS_DB_SSL_ROOT_CERT", &*other)][..], "certificate"),
        (&[("MF_NATS_CA_CERTS", &*other)], "MF_NATS_CA_CERTS"),
        (
            &[("MF_NATS_CLIENT_CERT", ""), ("MF_NATS_CLIENT_KEY", "")],
            "MF_NATS_CLIENT_CERT",
        ),
    ] {
        let started = platform.restart_with(Role::Users, variables).await;
        let error = started.err().map(|error| format!("{error:#}"));
        let error = error.unwrap_or_default();
        ensure!(error.contains(told), "{variables:?}: {error}");
    }
    platform.restart(Role::Users).await
}
