use tls::{Named, PostgresFiles, PostgresTls, Verify};
use tokio_postgres::config::SslMode as Driver;

use super::{PostgresSettings, SettingsError, SslMode};

/// The authority that stands for those of the system.
const SYSTEM: &str = "system";

/// How the connections of a pool are encrypted.
#[derive(Clone, Debug)]
pub(crate) struct Encryption {
    /// Whether the server must be able to.
    pub(crate) mode: Driver,
    pub(crate) tls: PostgresTls,
}

impl PostgresSettings {
    /// Reads the files and decides what is verified, as libpq does; nothing for plain text.
    pub(crate) fn encryption(&self) -> Result<Option<Encryption>, SettingsError> {
        let files = &self.ssl_files;
        let system = files.root.as_ref().is_some_and(|root| root.path == SYSTEM);
        let root = files.root.as_ref().filter(|root| root.path != SYSTEM);
        let (mode, verify) = match (self.ssl_mode, root) {
            (SslMode::Disable, _) => return Ok(None),
            (SslMode::Allow | SslMode::Prefer, _) => (Driver::Prefer, Verify::Nothing),
            (SslMode::Require, None) if !system => (Driver::Require, Verify::Nothing),
            // As libpq: with an authority, `require` is `verify-ca`.
            (SslMode::Require | SslMode::VerifyCa, Some(_)) => (Driver::Require, Verify::Chain),
            (SslMode::VerifyFull, _) => (Driver::Require, Verify::Name),
            (SslMode::Require | SslMode::VerifyCa, None) => {
                return Err(SettingsError(format!(
                    "{} needs a root certificate of its own: anybody has a certificate of the system's authorities; \
                     use verify-full with those",
                    self.ssl_mode
                )));
            }
        };
        paired(&files.cert, &files.key)?;
        let files = PostgresFiles {
            root: root.cloned(),
            ..(**files).clone()
        };
        let tls =
            PostgresTls::open(&files, verify).map_err(|error| SettingsError(error.to_string()))?;
        Ok(Some(Encryption { mode, tls }))
    }
}

fn paired(cert: &Option<Named>, key: &Option<Named>) -> Result<(), SettingsError> {
    let set = match (cert, key) {
        (Some(cert), None) => &cert.variable,
        (None, Some(key)) => &key.variable,
        (Some(_), Some(_)) | (None, None) => return Ok(()),
    };
    Err(SettingsError(format!(
        "{set} is set without its other half; a certificate and its key go together"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(ssl_mode: SslMode, ssl_files: PostgresFiles) -> String {
        let settings = PostgresSettings {
            ssl_mode,
            ssl_files: ssl_files.into(),
            ..PostgresSettings::default()
        };
        settings.encryption().unwrap_err().to_string()
    }

    fn file(path: &str) -> Option<Named> {
        Some(Named {
            variable: "MF_X_DB_SSL".to_owned(),
            path: path.to_owned(),
        })
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        let none = PostgresFiles::default;
        assert!(error(SslMode::VerifyCa, none()).contains("root certificate"));
        for mode in [SslMode::Require, SslMode::VerifyCa] {
            let files = PostgresFiles {
                root: file(SYSTEM),
                ..none()
            };
            assert!(error(mode, files).contains("verify-full"), "{mode}");
        }
        let files = PostgresFiles {
            cert: file("x"),
            ..none()
        };
        assert!(error(SslMode::Prefer, files).contains("other half"));
        let files = PostgresFiles {
            root: file("/nowhere"),
            ..none()
        };
        let text = error(SslMode::VerifyFull, files);
        assert!(text.contains("MF_X_DB_SSL cannot be read"), "{text}");
    }

    #[test]
    fn plain_text_reads_no_file() {
        let files = PostgresFiles {
            root: file("/nowhere"),
            ..PostgresFiles::default()
        };
        let settings = PostgresSettings {
            ssl_files: files.into(),
            ..PostgresSettings::default()
        };
        assert!(settings.encryption().unwrap().is_none());
    }
}
