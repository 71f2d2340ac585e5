//! A PostgreSQL server of our own, because the shared one has no certificate.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use storage::{Db, PostgresSettings, Settings};
use tokio::time::{Instant, sleep};

/// How long a server may take to start on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running server; dropping it stops it.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    child: Child,
}

/// Returns the folder of the server's programs, if it is installed.
#[expect(clippy::disallowed_methods, reason = "the environment of the test run")]
pub(crate) fn programs() -> Option<PathBuf> {
    let told = std::env::var("TEST_POSTGRES_BIN").ok().map(PathBuf::from);
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let debian = versions.flatten().map(|version| version.path().join("bin"));
    let found = told
        .into_iter()
        .chain(debian)
        .find(|bin| bin.join("initdb").exists());
    if found.is_none() {
        assert!(std::env::var("CI").is_err(), "CI must have PostgreSQL");
        eprintln!("skipped: PostgreSQL is not installed");
    }
    found
}

/// Who runs the server: it refuses to run as root.
enum User {
    Ours,
    Postgres,
}

impl User {
    /// Gives a folder to the user of the server when we may, which is when we are root.
    fn of(folder: &Path) -> Self {
        let owned = Command::new("chown")
            .args(["-R", "postgres"])
            .arg(folder)
            .output();
        match owned.is_ok_and(|done| done.status.success()) {
            true => Self::Postgres,
            false => Self::Ours,
        }
    }

    fn command(&self, program: &Path) -> Command {
        match self {
            Self::Ours => Command::new(program),
            Self::Postgres => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            }
        }
    }
}

/// Makes a cluster that trusts everybody but one user, who needs a certificate.
fn init(initdb: &mut Command, data: &Path) {
    let made = initdb
        .args(["-A", "trust", "-U", "mainflux", "-E", "UTF8"])
        .args(["--locale=C", "-N", "-D"])
        .arg(data)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
    let hba = "hostssl all certified all cert\nhost all all all trust\n";
    std::fs::write(data.join("pg_hba.conf"), hba).unwrap();
}

/// Runs make in `ssl/`.
pub(crate) fn make(folder: &Path, arguments: &[&str]) {
    let made = Command::new("make")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ssl"))
        .arg(format!("CRT_LOCATION={}", folder.display()))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

impl Server {
    /// Starts a server in a folder; with TLS, its certificates are in there.
    pub(crate) async fn start(programs: &Path, folder: &Path, tls: bool) -> Self {
        let data = folder.join("data");
        let user = User::of(folder);
        init(&mut user.command(&programs.join("initdb")), &data);
        let port = free_port();
        let mut command = user.command(&programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(folder);
        command.args(["-p", &port.to_string()]);
        command.args([
            "-c",
            "listen_addresses=127.0.0.1,127.0.0.2",
            "-c",
            "fsync=off",
        ]);
        if tls {
            for (name, file) in [
                ("ssl_cert_file", "postgres.crt"),
                ("ssl_key_file", "postgres.key"),
                ("ssl_ca_file", "ca.crt"),
            ] {
                command
                    .arg("-c")
                    .arg(format!("{name}={}", folder.join(file).display()));
            }
            command.args(["-c", "ssl=on"]);
        }
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            port,
            folder: folder.to_owned(),
            child,
        };
        server.answers().await;
        server
    }

    async fn answers(&self) {
        let deadline = Instant::now() + DEADLINE;
        while let Err(error) = self.open(PostgresSettings::default()).await {
            assert!(
                Instant::now() < deadline,
                "the server does not start: {error}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Opens the server's database; the host of the settings is kept when it is an address.
    pub(crate) async fn open(&self, settings: PostgresSettings) -> storage::Result<Db> {
        let host = match settings.host.as_str() {
            "localhost" => "127.0.0.1".to_owned(),
            _ => settings.host.clone(),
        };
        storage::open(&Settings::postgres(PostgresSettings {
            host,
            port: self.port,
            database: "postgres".to_owned(),
            pool_size: 1,
            ..settings
        }))
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid"));
        if let Some(pid) = pid.ok().as_deref().and_then(|text| text.lines().next()) {
            let _ = Command::new("kill").args(["-INT", pid]).output();
        }
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
