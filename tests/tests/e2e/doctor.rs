//! `ferroflux doctor` on set-ups with a fault each: it must name the variable or the file to change.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, ensure};
use e2e::{LISTENERS, Platform, Shape, ferroflux};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::certificates::Certificates;

type Variables = BTreeMap<String, String>;

/// What is changed, the variable that is named for it, and a part of the reason.
type Symptom<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

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
        // Their ports are taken by what runs.
        for (_, name) in LISTENERS {
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

    /// Checks that a fault is found: its line begins with the variable and says why.
    async fn suffers(&self, roles: &[&str], symptom: Symptom<'_>) -> anyhow::Result<()> {
        self.shows("FAULT   ", 1, roles, symptom).await
    }

    /// Checks that something is worth a warning and no fault.
    async fn worries(&self, roles: &[&str], symptom: Symptom<'_>) -> anyhow::Result<()> {
        self.shows("warning ", 0, roles, symptom).await
    }

    async fn shows(
        &self,
        word: &str,
        expected: i32,
        roles: &[&str],
        (changes, variable, reason): Symptom<'_>,
    ) -> anyhow::Result<()> {
        let (status, text) = self.examine(roles, changes).await?;
        let start = format!("{word} {variable} ");
        let mut found = text.lines().filter_map(|line| line.strip_prefix(&start));
        ensure!(
            status == expected && found.any(|told| told.contains(reason)),
            "{changes:?} is not found as {variable}, {reason}:\n{text}"
        );
        // A password in an URL is not repeated.
        ensure!(!text.contains("wrong-secret"), "{text}");
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
    for (name, value, reason) in [
        ("MF_USERS_GRPC_PORT", "65536", "number too large"),
        ("MF_USERS_SECRET", "", "is not set; set it to a long random"),
        ("MF_NATS_URL", "", "needs NATS"),
        ("MF_USERS_DB_HOST", "", "needs PostgreSQL"),
    ] {
        let symptom = (&[(name, value)][..], name, reason);
        patient.suffers(users, symptom).await?;
    }
    let secret = patient.file("secret", "a secret of thirty-two characters", 0o644)?;
    let changes = [
        ("MF_USERS_SECRET", ""),
        ("MF_USERS_SECRET_FILE", secret.as_str()),
    ];
    let symptom = (
        &changes[..],
        "MF_USERS_SECRET_FILE",
        "which others can read",
    );
    patient.suffers(users, symptom).await?;
    let name = "MF_USERS_HTPP_PORT";
    let symptom = (&[(name, "1")][..], name, "did you mean MF_USERS_HTTP_PORT");
    patient.worries(users, symptom).await
}

#[tokio::test]
async fn faults_of_certificates_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let users = &["users"][..];
    let path = |file| patient.certificates.path(file);
    let (server, own, other) = (
        &path("mainflux-server.crt"),
        &path("mainflux-server.key"),
        &path("client.key"),
    );
    let cert = "MF_USERS_HTTP_TLS_CERT_PEM_FILE";
    let key = "MF_USERS_HTTP_TLS_KEY_PEM_FILE";
    let ca = "MF_USERS_HTTP_TLS_CLIENT_CA_PEM_FILE";
    for symptom in [
        (&[(cert, &**server)][..], key, "is not set, but"),
        (&[(cert, server), (key, other)], key, "is not the key of"),
        (&[(cert, "/nowhere"), (key, other)], cert, "cannot be read"),
        (
            &[(cert, server), (key, own), (ca, server)],
            ca,
            "that is no CA",
        ),
    ] {
        patient.suffers(users, symptom).await?;
    }
    patient.certificates.short("short", 1).await?;
    let (short, its_key) = (path("short.crt"), path("short.key"));
    let expired = || async {
        let changes = [(cert, short.as_str()), (key, its_key.as_str())];
        patient
            .suffers(users, (&changes, cert, "expired"))
            .await
            .ok()
    };
    e2e::until("the certificate to expire", expired).await
}

#[tokio::test]
async fn faults_of_the_machine_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let port = &*listener.local_addr()?.port().to_string();
    let users = &["users"][..];
    let http = "MF_USERS_HTTP_PORT";
    let symptom = (&[(http, port)][..], http, "stop it or choose another port");
    patient.suffers(users, symptom).await?;
    drop(listener);
    let grpc = "MF_USERS_GRPC_PORT";
    for symptom in [
        (
            &[(http, port), (grpc, port)][..],
            grpc,
            "and so is MF_USERS_HTTP_PORT",
        ),
        (
            &[("MF_USERS_HTTP_HOST", "192.0.2.1"), (http, port)],
            http,
            "no address of this machine",
        ),
    ] {
        patient.suffers(users, symptom).await?;
    }
    let file = patient.file("file", "", 0o600)?;
    let roles = ["users", "--data", &format!("{file}/data")];
    let symptom = (&[][..], "--data", "which is no folder");
    patient.suffers(&roles, symptom).await?;
    let data = patient.folder.path().join("data").display().to_string();
    let huge = ("MF_BUS_MAX_BYTES", "1000000000000000");
    let symptom = (&[huge][..], huge.0, "and the disk has");
    patient.worries(&["--data", &data], symptom).await?;
    for role in ["http-adapter", "ws-adapter", "mqtt-adapter", "reader"] {
        let prefix = role.to_uppercase().replace('-', "_");
        let many = format!("MF_{prefix}_MAX_CONNECTIONS");
        let symptom = (&[(&*many, "1000000000")][..], "ulimit -n", &*many);
        patient.worries(&[role], symptom).await?;
    }
    Ok(())
}

#[tokio::test]
async fn faults_of_what_is_reached_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let users = &["users"][..];
    let url = "MF_NATS_URL";
    for (name, value, reason) in [
        ("MF_USERS_DB_PASS", "wrong-secret", "28P01"),
        ("MF_USERS_DB", "nothing", "3D000"),
        ("MF_USERS_DB_PORT", "9", "refused"),
        ("MF_USERS_DB_HOST", "nowhere.invalid", "lookup"),
        (
            url,
            "nats://x:wrong-secret@127.0.0.1:9",
            "no server that answers",
        ),
    ] {
        let symptom = (&[(name, value)][..], name, reason);
        patient.suffers(users, symptom).await?;
    }
    // Whether the server has no TLS or a certificate of another CA, it is the mode that asks for too much.
    let ca = patient.certificates.path("ca.crt");
    let mode = "MF_USERS_DB_SSL_MODE";
    let changes = [(mode, "verify-full"), ("MF_USERS_DB_SSL_ROOT_CERT", &ca)];
    patient.suffers(users, (&changes, mode, "TLS")).await?;
    Ok(())
}

#[tokio::test]
async fn servers_of_long_ago_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let url = "MF_NATS_URL";
    let old = |info| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("nats://{}", listener.local_addr()?);
        anyhow::Ok((address, greet(listener, info)))
    };
    let (address, serve) = old(r#""version":"1.3.0""#).await?;
    let symptom = (
        &[(url, &*address)][..],
        url,
        "does not work: the NATS server at",
    );
    tokio::select! {
        found = patient.suffers(&["users"], symptom) => found?,
        failed = serve => return failed,
    }
    let (address, serve) = old(r#""version":"2.9.10","jetstream":true"#).await?;
    let symptom = (&[(url, &*address)][..], url, "use 2.9.16 or later");
    tokio::select! {
        found = patient.worries(&["users"], symptom) => found,
        failed = serve => failed,
    }
}

/// Answers as a NATS server of which this is known.
async fn greet(listener: TcpListener, info: &str) -> anyhow::Result<()> {
    let more = r#""server_id":"x","host":"127.0.0.1","port":4222,"max_payload":1048576"#;
    let mut sockets = Vec::new();
    loop {
        let (mut socket, _) = listener.accept().await?;
        // The client sends CONNECT and PING; the answer may be there before.
        let greeting = format!("INFO {{{info},{more}}}\r\nPONG\r\n");
        let _gone = socket.write_all(greeting.as_bytes()).await;
        sockets.push(socket);
    }
}

#[tokio::test]
async fn faults_on_the_way_to_a_neighbour_are_named() -> anyhow::Result<()> {
    let patient = Patient::admit().await?;
    let things = "MF_THINGS_URL";
    let address = patient.platform.address("things-grpc")?;
    // The certificate is for localhost, not for this spelling of it.
    let other_name = &*address.replace("127.0.0.1", "127.0.0.2");
    let stranger = Certificates::make().await?;
    let stranger = &*stranger.path("ca.crt");
    for (role, prefix) in [
        ("http-adapter", "MF_HTTP_ADAPTER"),
        ("writer", "MF_WRITER"),
        ("reader", "MF_READER"),
    ] {
        let [ca, cert, key] = ["SERVER_CA", "CERT", "KEY"]
            .map(|field| format!("{prefix}_THINGS_GRPC_CLIENT_TLS_{field}_PEM_FILE"));
        let (ca, cert, key) = (&*ca, &*cert, &*key);
        for symptom in [
            (&[(things, "localhost:9")][..], things, "refused"),
            (&[(things, other_name)], things, "by a name"),
            (&[(ca, stranger)], ca, "does not hold the CA"),
            (&[(cert, ""), (key, "")], cert, "asks of clients"),
            (
                &[(cert, ""), (key, ""), (ca, "")],
                ca,
                "does not speak gRPC without TLS",
            ),
        ] {
            patient.suffers(&[role], symptom).await?;
        }
    }
    Ok(())
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
