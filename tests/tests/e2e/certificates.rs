//! Certificates as an operator makes them: with `ssl/Makefile`.

use std::process::Output;
use std::time::Duration;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use crate::clients::repository;

/// How long a program may take, a compiler on a busy machine among them.
const LONG: Duration = Duration::from_secs(180);

/// A folder with a CA and what it signed.
pub(crate) struct Certificates(TempDir);

impl Certificates {
    /// Makes a CA and the certificate of a server.
    pub(crate) async fn make() -> anyhow::Result<Self> {
        let certificates = Self(tempfile::tempdir()?);
        certificates.run(&["server_cert"]).await?;
        Ok(certificates)
    }

    /// Makes the certificate of a thing, under a file name.
    pub(crate) async fn thing(&self, name: &str) -> anyhow::Result<()> {
        self.run(&["thing_cert", &format!("CRT_FILE_NAME={name}")])
            .await
    }

    /// Makes the certificate of a thing that says by itself which one it is of.
    pub(crate) async fn thing_named(&self, name: &str, id: &str) -> anyhow::Result<()> {
        let (file, thing) = (format!("CRT_FILE_NAME={name}"), format!("THING={id}"));
        self.run(&["thing_cert", &file, &thing]).await
    }

    /// Makes the certificate of a thing as 0.9 did, with its key in the CN.
    pub(crate) async fn thing_of_key(&self, name: &str, key: &str) -> anyhow::Result<()> {
        let (file, key) = (format!("CRT_FILE_NAME={name}"), format!("KEY={key}"));
        self.run(&["thing_cert", &file, &key]).await
    }

    /// Makes a certificate that expires in so many seconds, which the Makefile cannot.
    pub(crate) async fn short(&self, name: &str, seconds: u32) -> anyhow::Result<()> {
        let script = r#"
            set -eu; cd "$0"; touch short.txt
            openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr"
            printf '%s\n' '[ca]' 'default_ca=own' '[own]' 'database=short.txt' 'new_certs_dir=.' 'rand_serial=yes' \
              'default_md=sha256' 'policy=any' 'x509_extensions=ext' '[any]' 'commonName=supplied' '[ext]' \
              'keyUsage=critical,digitalSignature' 'extendedKeyUsage=clientAuth' 'subjectKeyIdentifier=hash' \
              'authorityKeyIdentifier=keyid' >short.cnf
            openssl ca -batch -notext -config short.cnf -cert ca.crt -keyfile ca.key -in "$1.csr" -out "$1.crt" \
              -enddate "$(date -u -d "+$2 seconds" +%Y%m%d%H%M%SZ)"
        "#;
        let mut command = Command::new("bash");
        command.args(["-c", script]).arg(self.0.path());
        finish(command.arg(name).arg(seconds.to_string())).await?;
        Ok(())
    }

    /// Makes a certificate of this CA that has the name and the serial number of one of another.
    pub(crate) async fn like(&self, name: &str, other: &Self) -> anyhow::Result<()> {
        let script = r#"
            set -eu; cd "$0"
            openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj \
              "/$(openssl x509 -in "$2" -noout -subject -nameopt compat | sed 's|^subject=/*||')"
            openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -out "$1.crt" -days 2 \
              -set_serial "0x$(openssl x509 -in "$2" -noout -serial | cut -d= -f2)" -extfile <(printf '%s\n' \
              'keyUsage=critical,digitalSignature' 'extendedKeyUsage=clientAuth' 'authorityKeyIdentifier=keyid')
        "#;
        let mut command = Command::new("bash");
        command.args(["-c", script]).arg(self.0.path());
        let like = other.path(&format!("{name}.crt"));
        finish(command.arg(name).arg(like)).await?;
        Ok(())
    }

    /// Returns the path of a file with this CA and another.
    pub(crate) fn bundle(&self, other: &Self) -> anyhow::Result<String> {
        let read = |certificates: &Self| std::fs::read_to_string(certificates.path("ca.crt"));
        let path = self.path("both.crt");
        std::fs::write(&path, read(self)? + &read(other)?)?;
        Ok(path)
    }

    /// Returns what tells the Python clients where the files are.
    pub(crate) fn variables(&self, name: &str) -> [(&'static str, String); 3] {
        [
            ("WS_CA", self.path("ca.crt")),
            ("WS_CERT", self.path(&format!("{name}.crt"))),
            ("WS_KEY", self.path(&format!("{name}.key"))),
        ]
    }

    /// Runs `ssl/Makefile` for this folder.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new("make");
        command.arg("-C").arg(repository().join("ssl"));
        command.arg(format!("CRT_LOCATION={}", self.0.path().display()));
        finish(command.args(arguments)).await?;
        Ok(())
    }

    /// Returns the path of a file, such as `ca.crt`.
    pub(crate) fn path(&self, file: &str) -> String {
        self.0.path().join(file).display().to_string()
    }
}

/// Runs a program to its end and returns what it printed, or why it failed.
pub(crate) async fn finish(command: &mut Command) -> anyhow::Result<Output> {
    let run = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(LONG, run)
        .await
        .with_context(|| format!("{command:?} does not end"))?
        .with_context(|| {
            format!(
                "cannot start {command:?}: scripts/install-test-tools.sh installs what is missing"
            )
        })?;
    ensure!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}
