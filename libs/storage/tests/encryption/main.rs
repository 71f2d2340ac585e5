//! The SSL modes, by the table of libpq, against servers with and without TLS.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod server;

use std::path::Path;

use server::{Server, make, programs};
use storage::{Db, Named, PostgresFiles, PostgresSettings, SslMode};

/// What came of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Clear,
    Encrypted,
    Refused,
}
use Outcome::{Clear, Encrypted, Refused};

async fn outcome(result: &storage::Result<Db>) -> Outcome {
    let Ok(db) = result else { return Refused };
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = db.query(sql, &[]).await.unwrap();
    if rows[0].get::<bool>("ssl").unwrap() {
        Encrypted
    } else {
        Clear
    }
}

fn file(folder: &Path, name: &str) -> Option<Named> {
    Some(Named {
        variable: format!("MF_TEST_DB_{name}"),
        path: folder.join(name).to_str().unwrap().to_owned(),
    })
}

/// Mode, its authority; then a server without TLS, one with, one under another name.
type Row = (SslMode, &'static str, [Outcome; 3]);

const TABLE: &[Row] = &[
    (SslMode::Disable, "", [Clear, Clear, Clear]),
    (SslMode::Allow, "", [Clear, Encrypted, Encrypted]),
    (SslMode::Prefer, "", [Clear, Encrypted, Encrypted]),
    (SslMode::Prefer, "other.crt", [Clear, Encrypted, Encrypted]),
    (SslMode::Require, "", [Refused, Encrypted, Encrypted]),
    (SslMode::Require, "ca.crt", [Refused, Encrypted, Encrypted]),
    (SslMode::Require, "other.crt", [Refused, Refused, Refused]),
    (SslMode::VerifyCa, "ca.crt", [Refused, Encrypted, Encrypted]),
    (SslMode::VerifyCa, "other.crt", [Refused, Refused, Refused]),
    (SslMode::VerifyFull, "ca.crt", [Refused, Encrypted, Refused]),
    (
        SslMode::VerifyFull,
        "other.crt",
        [Refused, Refused, Refused],
    ),
    (SslMode::VerifyFull, "", [Refused, Refused, Refused]),
];

#[tokio::test]
async fn each_mode_verifies_what_libpq_verifies() {
    let Some(programs) = programs() else { return };
    let (with, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = with.path();
    make(without.path(), &["ca", "CA_CN=Other CA"]);
    std::fs::copy(without.path().join("ca.crt"), folder.join("other.crt")).unwrap();
    make(folder, &["ca", "postgres_cert"]);
    make(
        folder,
        &["thing_cert", "KEY=certified", "CRT_FILE_NAME=certified"],
    );
    let encrypted = Server::start(&programs, folder, true).await;
    let plain = Server::start(&programs, without.path(), false).await;
    for (ssl_mode, root, expected) in TABLE {
        for ((server, host), expected) in [
            (&plain, "127.0.0.1"),
            (&encrypted, "127.0.0.1"),
            (&encrypted, "127.0.0.2"),
        ]
        .into_iter()
        .zip(expected)
        {
            let settings = PostgresSettings {
                host: host.to_owned(),
                ssl_mode: *ssl_mode,
                ssl_files: PostgresFiles {
                    root: file(folder, root).filter(|_| !root.is_empty()),
                    ..PostgresFiles::default()
                }
                .into(),
                ..PostgresSettings::default()
            };
            let result = server.open(settings).await;
            let got = outcome(&result).await;
            let case = format!("{ssl_mode} '{root}' {host}:{}", server.port);
            assert_eq!(got, *expected, "{case}: {:?}", result.err());
        }
    }
    certificates_log_in(&encrypted, folder).await;
}

/// A user whose password is a certificate.
async fn certificates_log_in(server: &Server, folder: &Path) {
    let admin = server.open(PostgresSettings::default()).await.unwrap();
    admin
        .execute("CREATE ROLE certified LOGIN", &[])
        .await
        .unwrap();
    for (name, expected) in [("certified", Encrypted), ("", Refused)] {
        let own = |suffix| file(folder, &format!("{name}{suffix}")).filter(|_| !name.is_empty());
        let settings = PostgresSettings {
            user: "certified".to_owned(),
            ssl_mode: SslMode::VerifyFull,
            ssl_files: PostgresFiles {
                cert: own(".crt"),
                key: own(".key"),
                root: file(folder, "ca.crt"),
            }
            .into(),
            ..PostgresSettings::default()
        };
        let result = server.open(settings).await;
        assert_eq!(
            outcome(&result).await,
            expected,
            "'{name}': {:?}",
            result.err()
        );
    }
}
