//! What is under packaging/. The Debian package: built, installed into a folder of its own, started as its unit says, removed and purged.
//!
//! dpkg runs the package's scripts outside of a changed root (`DPKG_ROOT`), so that all of it works without privileges and leaves
//! the machine alone. That systemd starts the unit is not shown here, only that systemd has nothing to say against it. The Kubernetes manifests: no cluster is here, but their schemas are.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use e2e::{DEADLINE, LISTENERS, binary, curl};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

use crate::account::JSON;
use crate::certificates::{Certificates, finish};
use crate::clients::{python, repository};

/// A folder that dpkg takes for the root of a system.
struct Root(TempDir);

impl Root {
    fn make() -> anyhow::Result<Self> {
        let root = Self(tempfile::tempdir()?);
        for folder in ["etc", "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
            std::fs::create_dir_all(root.path(folder))?;
        }
        std::fs::write(root.path("var/lib/dpkg/status"), "")?;
        Ok(root)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    async fn dpkg(&self, action: &str, what: &Path) -> anyhow::Result<()> {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", self.0.path().display()));
        command.args(["--force-script-chrootless", "--force-not-root"]);
        // Nothing else is installed in there.
        command.args(["--force-depends", "--log=/dev/null", action]);
        finish(command.arg(what)).await?;
        Ok(())
    }

    /// Returns the unit as it would be if this folder were the root.
    fn unit(&self) -> anyhow::Result<String> {
        let unit = std::fs::read_to_string(self.path("usr/lib/systemd/system/ferroflux.service"))?;
        let root = self.0.path().display();
        Ok(unit
            .replace("/usr/bin/ferroflux", &format!("{root}/usr/bin/ferroflux"))
            .replace("/var/lib/ferroflux", &format!("{root}/var/lib/ferroflux")))
    }

    /// Starts what the unit starts and waits until it says that it is ready.
    async fn start(&self) -> anyhow::Result<Child> {
        let unit = self.unit()?;
        let start = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart="));
        let mut words = start.context("no ExecStart")?.split(' ');
        let socket = self.path("notify");
        let manager = UnixDatagram::bind(&socket)?;
        let mut command = Command::new(words.next().context("no program")?);
        command
            .args(words)
            .env_clear()
            .env("NOTIFY_SOCKET", &socket);
        command.envs(LISTENERS.map(|(_, port)| (port, "0")));
        command.stdout(Stdio::null()).kill_on_drop(true);
        let child = command.spawn()?;
        let mut told = [0; 64];
        let length = tokio::time::timeout(DEADLINE, manager.recv(&mut told))
            .await
            .context("it did not say that it is ready")??;
        assert_eq!(&told[..length], b"READY=1");
        Ok(child)
    }
}

async fn build(directory: &Path) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(repository().join("packaging/deb/build.sh"));
    command.arg(binary()?).arg(directory);
    // A debug binary is large, and nobody is going to download it.
    let output = finish(command.env("DPKG_DEB_COMPRESSOR_TYPE", "gzip")).await?;
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

#[tokio::test]
async fn installed_started_removed_and_purged() -> anyhow::Result<()> {
    let root = Root::make()?;
    let package = build(root.0.path()).await?;
    root.dpkg("--install", &package).await?;
    let users = std::fs::read_to_string(root.path("etc/passwd"))?;
    ensure!(users.starts_with("ferroflux:x:"), "{users}");
    let enabled = "etc/systemd/system/multi-user.target.wants/ferroflux.service";
    ensure!(root.path(enabled).is_symlink(), "the unit is not enabled");
    let environment = root.path("etc/ferroflux/ferroflux.env");
    let mode = std::fs::metadata(&environment)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    // systemd makes this one before each start.
    std::fs::create_dir_all(root.path("var/lib/ferroflux"))?;
    let mut child = root.start().await?;
    let run = std::fs::read(root.path("var/lib/ferroflux/run.json"))?;
    let run: Value = serde_json::from_slice(&run)?;
    let front = run["listeners"]["front"].as_str().context("no front")?;
    let url = format!("http://{}/users", front.replace("0.0.0.0", "127.0.0.1"));
    let user = json!({"email": "john.doe@email.com", "password": "12345678"});
    let reply = curl(&["-H", JSON, "-d", &user.to_string(), &url]).await?;
    assert_eq!(reply.status, 201, "{reply:?}");
    let pid = child.id().context("it ended")?.to_string();
    // What `systemctl reload` sends, and then `stop`.
    for signal in ["-HUP", "-TERM"] {
        finish(Command::new("kill").args([signal, &pid])).await?;
    }
    let status = tokio::time::timeout(DEADLINE, child.wait()).await??;
    ensure!(status.success(), "stopped with {status}");

    let name = Path::new("ferroflux");
    root.dpkg("--remove", name).await?;
    ensure!(!root.path("usr/bin/ferroflux").exists());
    ensure!(root.path("var/lib/ferroflux/users.db").exists());
    ensure!(environment.exists());
    root.dpkg("--purge", name).await?;
    ensure!(!root.path("var/lib/ferroflux").exists());
    ensure!(!environment.exists());
    ensure!(!root.path(enabled).is_symlink());
    Ok(())
}

#[tokio::test]
async fn systemd_finds_the_unit_good_and_safe() -> anyhow::Result<()> {
    let unit = repository().join("packaging/systemd/ferroflux.service");
    let dir = tempfile::tempdir()?;
    let here = dir.path().join("ferroflux.service");
    let text = std::fs::read_to_string(&unit)?;
    // The program has to exist.
    let program = binary()?.display().to_string();
    std::fs::write(&here, text.replace("/usr/bin/ferroflux", &program))?;
    let mut command = Command::new("systemd-analyze");
    let verified = finish(command.args(["verify", "--man=no"]).arg(&here)).await?;
    let told = String::from_utf8_lossy(&verified.stderr);
    ensure!(!told.contains("ferroflux.service"), "{told}");
    let mut command = Command::new("systemd-analyze");
    // 2.0 of 10, where 0 is no exposure at all.
    command.args(["security", "--offline=true", "--threshold=20"]);
    finish(command.arg(&here)).await?;
    Ok(())
}

/// What the configuration file suggests is read, and can be had all at once.
#[tokio::test]
async fn the_configuration_file_suggests_what_works() -> anyhow::Result<()> {
    let certificates = Certificates::make().await?;
    let text = std::fs::read_to_string(repository().join("packaging/systemd/ferroflux.env"))?;
    let server = certificates.path("mainflux-server");
    let text = text
        .replace("/etc/ferroflux/server", &server)
        .replace("/etc/ferroflux/ca.crt", &certificates.path("ca.crt"));
    let lines = text.lines().filter_map(|line| line.strip_prefix('#'));
    let set: Vec<_> = lines
        .filter(|line| line.starts_with("MF_"))
        .filter_map(|line| line.split_once('='))
        .collect();
    ensure!(set.len() > 5, "{set:?}");
    let output = e2e::ferroflux(&["run", "--check"], &set).await?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    ensure!(!told.contains("is not read by anything"), "{told}");
    Ok(())
}

#[tokio::test]
async fn kubernetes_finds_the_manifests_well_formed() -> anyhow::Result<()> {
    let mut command = Command::new(python().with_file_name("kubernetes-validate"));
    command.args(["--strict", "--quiet"]);
    for file in std::fs::read_dir(manifests())? {
        let file = file?.path();
        // That one is for kustomize and never gets to a cluster.
        if !file.ends_with("kustomization.yaml") {
            command.arg(file);
        }
    }
    finish(&mut command).await?;
    Ok(())
}

#[tokio::test]
async fn kubernetes_starts_roles_with_what_they_need() -> anyhow::Result<()> {
    let mut command = Command::new(python());
    command.arg(repository().join("tests/clients/manifests.py"));
    let output = finish(command.arg(manifests())).await?;
    let mut roles = 0;
    for line in String::from_utf8(output.stdout)?.lines() {
        let Started {
            mut arguments,
            environment,
        } = serde_json::from_str(line)?;
        arguments.push("--check".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let set: Vec<_> = environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let output = e2e::ferroflux(&arguments, &set).await?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {told}");
        ensure!(!told.contains("is not read by"), "{arguments:?}: {told}");
        roles += 1;
    }
    assert_eq!(roles, 7, "users, things, three adapters, writer, reader");
    Ok(())
}

/// What a Deployment starts.
#[derive(Deserialize)]
struct Started {
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

fn manifests() -> PathBuf {
    repository().join("packaging/kubernetes")
}
