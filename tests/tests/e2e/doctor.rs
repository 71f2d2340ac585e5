//! `ferroflux doctor` on set-ups with a fault each: it must name the variable or the file to change.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, ensure};
use e2e::{Platform, Shape, ferroflux};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::certificates::Certificates;

type Variables = BTreeMap<String, String>;

/// A set-up without a fault, to which tests add one.
struct Patient {
    platform: Platform,
    certificates: Certificates,
    folder: TempDir,
}

impl Patient {
    /// Starts what a set-up is of: separate services whose gRPC does mutual TLS.
    async fn admit() -> anyhow::Result<Self> {
        let certificates = Certificates::make().await?;
        certificates.thing("client").await?;
        let mut variables = Variables::new();
        for prefix in ["MF_USERS_GRPC", "MF_THINGS_AUTH_GRPC"] {
            certify(&mut variables, &certificates, prefix, "mainflux-server");
            let ca = format!("{prefix}_TLS_CLIENT_CA_PEM_FILE");
            variables.insert(ca, certificates.path("ca.crt"));
        }
        for prefix in CLIENTS {
            certify(&mut variables, &certificates, prefix, "client");
            let ca = format!("{prefix}_TLS_SERVER_CA_PEM_FILE");
            variables.insert(ca, certificates.path("ca.crt"));
        }
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Ok(Self {
            platform: Platform::start_with(Shape::Separate, &variables).await?,
            certificates,
            folder: tempfile::tempdir()?,
        })
    }

    /// Looks at roles with changed variables, an empty one being unset, and returns the exit status and what was found.
    async fn examine(
        &self,
        roles: &[&str],
        changes: &[(&str, &str)],
    ) -> anyhow::Result<(i32, String)> {
        let mut variables = self.platform.variables().clone();
        // Those ports are taken by what runs.
        variables.retain(|name, _| !name.ends_with("_PORT") || name.contains("_DB_"));
        for name in PORTS {
            variables.insert(name.to_owned(), "0".to_owned());
        }
        for (name, value) in changes {
            variables.insert((*name).to_owned(), (*value).to_owned());
        }
        let env: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let output = ferroflux(&[&["doctor"], roles].concat(), &env).await?;
        let text = String::from_utf8(output.stdout)?;
        Ok((output.status.code().context("killed")?, text))
    }

    /// Checks that a fault is found and that its line begins with the variable.
    async fn suffers(
        &self,
        roles: &[&str],
        changes: &[(&str, &str)],
        variable: &str,
    ) -> anyhow::Result<()> {
        let (status, text) = self.examine(roles, changes).await?;
        let start = format!("FAULT    {variable} ");
        ensure!(
            status == 1 && text.lines().any(|line| line.starts_with(&start)),
            "{changes:?} is not found as {variable}:\n{text}"
        );
        // A password in an URL is not repeated.
        ensure!(!text.contains("wrong-secret"), "{text}");
        Ok(())
    }

    /// Checks that something is worth a warning and no fault.
    async fn worries(
        &self,
        roles: &[&str],
        changes: &[(&str, &str)],
        variable: &str,
    ) -> anyhow::Result<()> {
        let (status, text) = self.examine(roles, changes).await?;
        let start = format!("warning  {variable} ");
        ensure!(
            status == 0 && text.lines().any(|line| line.starts_with(&start)),
            "{changes:?} is not found as {variable}:\n{text}"
        );
        Ok(())
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        Ok(path.display().to_string())
    }
}

const CLIENTS: [&str; 6] = [
    "MF_THINGS_USERS_GRPC_CLIENT",
    "MF_HTTP_ADAPTER_THINGS_GRPC_CLIENT",
    "MF_WS_ADAPTER_THINGS_GRPC_CLIENT",
    "MF_MQTT_ADAPTER_THINGS_GRPC_CLIENT",
    "MF_WRITER_THINGS_GRPC_CLIENT",
    "MF_READER_THINGS_GRPC_CLIENT",
];

const PORTS: [&str; 8] = [
    "MF_USERS_HTTP_PORT",
    "MF_USERS_GRPC_PORT",
    "MF_THINGS_HTTP_PORT",
    "MF_THINGS_AUTH_HTTP_PORT",
    "MF_THINGS_AUTH_GRPC_PORT",
    "MF_HTTP_ADAPTER_PORT",
    "MF_WS_ADAPTER_PORT",
    "MF_MQTT_ADAPTER_PORT",
];

/// Configures the certificate of a prefix.
fn certify(variables: &mut Variables, certificates: &Certificates, prefix: &str, name: &str) {
    for (field, end) in [("CERT", "crt"), ("KEY", "key")] {
        variables.insert(
            format!("{prefix}_TLS_{field}_PEM_FILE"),
            certificates.path(&format!("{name}.{end}")),
        );
    }
}

#[tokio::test]
async fn a_healthy_set_up_has_no_fault() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let (status, text) = patient
        .examine(&["users", "things", "http-adapter"], &[])
        .await?;
    ensure!(status == 0, "{text}");
    let (status, text) = patient.examine(&["things"], &[]).await?;
    ensure!(status == 0, "{text}");
    for subject in [
        "clock",
        "MF_NATS_URL",
        "MF_THINGS_DB",
        "MF_USERS_URL",
        "ulimit -n",
    ] {
        let start = format!("good     {subject} ");
        ensure!(text.lines().any(|line| line.starts_with(&start)), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn faults_of_the_configuration_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let users = &["users"][..];
    let (server, other) = (
        patient.certificates.path("mainflux-server.crt"),
        patient.certificates.path("client.key"),
    );
    let cert = "MF_USERS_HTTP_TLS_CERT_PEM_FILE";
    let key = "MF_USERS_HTTP_TLS_KEY_PEM_FILE";
    patient
        .suffers(
            users,
            &[("MF_USERS_GRPC_PORT", "65536")],
            "MF_USERS_GRPC_PORT",
        )
        .await?;
    patient
        .suffers(users, &[("MF_USERS_SECRET", "")], "MF_USERS_SECRET")
        .await?;
    patient
        .suffers(users, &[("MF_NATS_URL", "")], "MF_NATS_URL")
        .await?;
    patient
        .suffers(users, &[("MF_USERS_DB_HOST", "")], "MF_USERS_DB_HOST")
        .await?;
    patient.suffers(users, &[(cert, &server)], key).await?;
    patient
        .suffers(users, &[(cert, &server), (key, &other)], key)
        .await?;
    patient
        .suffers(users, &[(cert, "/nowhere"), (key, &other)], cert)
        .await?;
    let ca = "MF_USERS_HTTP_TLS_CLIENT_CA_PEM_FILE";
    let own = patient.certificates.path("mainflux-server.key");
    patient
        .suffers(users, &[(cert, &server), (key, &own), (ca, &server)], ca)
        .await?;
    patient.certificates.short("short", 1).await?;
    let short = patient.certificates.path("short.crt");
    let short_key = patient.certificates.path("short.key");
    let expired = || async {
        let changes = [(cert, short.as_str()), (key, short_key.as_str())];
        patient.suffers(users, &changes, cert).await.ok()
    };
    e2e::until("the certificate to expire", expired).await?;
    patient
        .worries(users, &[("MF_USERS_HTPP_PORT", "1")], "MF_USERS_HTPP_PORT")
        .await?;
    let secret = patient.file("secret", "a secret of thirty-two characters", 0o644)?;
    let changes = [
        ("MF_USERS_SECRET", ""),
        ("MF_USERS_SECRET_FILE", secret.as_str()),
    ];
    patient
        .suffers(users, &changes, "MF_USERS_SECRET_FILE")
        .await
}

#[tokio::test]
async fn faults_of_the_machine_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let port = listener.local_addr()?.port().to_string();
    let users = &["users"][..];
    let http = "MF_USERS_HTTP_PORT";
    patient.suffers(users, &[(http, &port)], http).await?;
    drop(listener);
    let grpc = "MF_USERS_GRPC_PORT";
    patient
        .suffers(users, &[(http, &port), (grpc, &port)], grpc)
        .await?;
    let host = [("MF_USERS_HTTP_HOST", "192.0.2.1"), (http, port.as_str())];
    patient.suffers(users, &host, http).await?;
    let file = patient.file("file", "", 0o600)?;
    patient
        .suffers(&["users", "--data", &format!("{file}/data")], &[], "--data")
        .await?;
    let data = patient.folder.path().join("data").display().to_string();
    let huge = [("MF_BUS_MAX_BYTES", "1000000000000000")];
    let embedded = &["--data", data.as_str()];
    patient.worries(embedded, &huge, "MF_BUS_MAX_BYTES").await?;
    let many = [("MF_HTTP_ADAPTER_MAX_CONNECTIONS", "1000000000")];
    patient.worries(&["http-adapter"], &many, "ulimit").await
}

#[tokio::test]
async fn faults_of_what_is_reached_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let users = &["users"][..];
    patient
        .suffers(
            users,
            &[("MF_USERS_DB_PASS", "wrong-secret")],
            "MF_USERS_DB_PASS",
        )
        .await?;
    patient
        .suffers(users, &[("MF_USERS_DB", "nothing")], "MF_USERS_DB")
        .await?;
    patient
        .suffers(users, &[("MF_USERS_DB_PORT", "9")], "MF_USERS_DB_PORT")
        .await?;
    patient
        .suffers(
            users,
            &[("MF_USERS_DB_HOST", "nowhere.invalid")],
            "MF_USERS_DB_HOST",
        )
        .await?;
    // Whether the server has no TLS or a certificate of another CA, it is the mode that asks for too much.
    let ca = patient.certificates.path("ca.crt");
    let mode = "MF_USERS_DB_SSL_MODE";
    let changes = [(mode, "verify-full"), ("MF_USERS_DB_SSL_ROOT_CERT", &ca)];
    patient.suffers(users, &changes, mode).await?;
    let url = "MF_NATS_URL";
    patient
        .suffers(users, &[(url, "nats://x:wrong-secret@127.0.0.1:9")], url)
        .await?;
    // A server of long ago, without JetStream.
    let old = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("nats://{}", old.local_addr()?);
    let info = r#"INFO {"server_id":"x","version":"1.3.0","host":"127.0.0.1","port":4222,"max_payload":1048576}"#;
    let serve = async {
        let mut sockets = Vec::new();
        loop {
            let (mut socket, _) = old.accept().await?;
            // The client sends CONNECT and PING; the answer may be there before.
            let greeting = format!("{info}\r\nPONG\r\n");
            let _gone = socket.write_all(greeting.as_bytes()).await;
            sockets.push(socket);
        }
    };
    let changes = [(url, address.as_str())];
    let found: anyhow::Result<()> = tokio::select! {
        found = patient.suffers(users, &changes, "MF_NATS_URL does not work: the NATS server at") => found,
        failed = serve => failed,
    };
    found
}

#[tokio::test]
async fn faults_on_the_way_to_a_neighbour_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let http = &["http-adapter"][..];
    let things = "MF_THINGS_URL";
    patient
        .suffers(http, &[(things, "localhost:9")], things)
        .await?;
    let address = patient.platform.address("things-grpc")?;
    // The certificate is for localhost, not for this spelling of it.
    let other_name = address.replace("127.0.0.1", "127.0.0.2");
    patient
        .suffers(http, &[(things, &other_name)], things)
        .await?;
    let ca = "MF_HTTP_ADAPTER_THINGS_GRPC_CLIENT_TLS_SERVER_CA_PEM_FILE";
    let stranger = Certificates::make().await?;
    patient
        .suffers(http, &[(ca, &stranger.path("ca.crt"))], ca)
        .await?;
    let cert = "MF_HTTP_ADAPTER_THINGS_GRPC_CLIENT_TLS_CERT_PEM_FILE";
    let key = "MF_HTTP_ADAPTER_THINGS_GRPC_CLIENT_TLS_KEY_PEM_FILE";
    patient
        .suffers(http, &[(cert, ""), (key, "")], cert)
        .await?;
    patient
        .suffers(http, &[(cert, ""), (key, ""), (ca, "")], ca)
        .await
}

#[tokio::test]
async fn a_running_platform_is_looked_at_from_outside() -> anyhow::Result<()> {
    let platform = Platform::start(Shape::Embedded).await?;
    let (url, mqtt) = (platform.url("front")?, platform.address("mqtt")?);
    let mqtt = format!("mqtt://{mqtt}");
    let look = |url: String, mqtt: String| async move {
        let env = [
            ("MF_CLIENT_URL", url.as_str()),
            ("MF_CLIENT_MQTT_URL", mqtt.as_str()),
        ];
        let output = ferroflux(&["doctor", "--outside"], &env).await?;
        let text = String::from_utf8(output.stdout)?;
        Ok::<_, anyhow::Error>((output.status.code(), text))
    };
    let (status, text) = look(url.clone(), mqtt.clone()).await?;
    ensure!(status == Some(0) && text.contains("is ready"), "{text}");
    let (status, text) = look(url.clone(), "mqtt://127.0.0.1:9".to_owned()).await?;
    ensure!(
        status == Some(1) && text.contains("FAULT    MF_CLIENT_MQTT_URL "),
        "{text}"
    );
    let (status, text) = look(url.replace("http:", "https:"), mqtt).await?;
    ensure!(
        status == Some(1) && text.contains("FAULT    MF_CLIENT_URL "),
        "{text}"
    );
    Ok(())
}
