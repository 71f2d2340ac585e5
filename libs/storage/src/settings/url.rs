use model::Secret;
use tokio_postgres::config::Host;

use super::{Named, PostgresSettings, SettingsError};

pub(super) fn postgres(url: &str) -> Result<PostgresSettings, SettingsError> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut settings = PostgresSettings::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => settings.ssl_mode = mode.parse()?,
            Some((name @ "sslcert", path)) => settings.ssl_files.cert = file(name, path),
            Some((name @ "sslkey", path)) => settings.ssl_files.key = file(name, path),
            Some((name @ "sslrootcert", path)) => settings.ssl_files.root = file(name, path),
            _ => {
                let name = pair.split('=').next().unwrap_or(pair);
                return Err(SettingsError(format!(
                    "the parameter `{name}` of the database URL is not supported; sslmode, sslcert, sslkey and sslrootcert are"
                )));
            }
        }
    }
    let config: tokio_postgres::Config = address
        .parse()
        .map_err(|_| SettingsError("the postgres:// URL is malformed".to_owned()))?;
    settings.host = match config.get_hosts() {
        [] => settings.host,
        [Host::Tcp(name)] => name.clone(),
        [Host::Unix(folder)] => folder.display().to_string(),
        _ => {
            return Err(SettingsError("a database URL names one host".to_owned()));
        }
    };
    settings.port = config.get_ports().first().copied().unwrap_or(settings.port);
    if let Some(user) = config.get_user() {
        settings.user = user.to_owned();
    }
    if let Some(password) = config.get_password() {
        settings.password = Secret::new(String::from_utf8_lossy(password));
    }
    if let Some(database) = config.get_dbname() {
        settings.database = database.to_owned();
    }
    Ok(settings)
}

fn file(name: &str, path: &str) -> Option<Named> {
    Some(Named {
        variable: name.to_owned(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::settings::*;

    fn postgres(url: &str) -> PostgresSettings {
        match Settings::from_url(url).unwrap() {
            Settings::Postgres(settings) => settings,
            Settings::Sqlite(_) => panic!("{url} is not SQLite"),
        }
    }

    #[test]
    fn urls_choose_the_database() {
        assert!(matches!(
            Settings::from_url("sqlite::memory:"),
            Ok(Settings::Sqlite(None))
        ));
        for url in ["sqlite:/tmp/x.db", "sqlite:///tmp/x.db"] {
            let Ok(Settings::Sqlite(Some(path))) = Settings::from_url(url) else {
                panic!("{url}");
            };
            assert_eq!(path, PathBuf::from("/tmp/x.db"));
        }
        let settings = postgres("postgres://me:p%40ss@db:5433/users?sslmode=verify-full");
        assert_eq!((settings.host.as_str(), settings.port), ("db", 5433));
        assert_eq!(settings.password.expose(), "p@ss");
        assert_eq!(settings.database, "users");
        assert_eq!(settings.ssl_mode, SslMode::VerifyFull);
    }

    #[test]
    fn w35_the_spellings_of_the_documents_are_accepted() {
        assert_eq!("disabled".parse(), Ok(SslMode::Disable));
        assert_eq!("required".parse(), Ok(SslMode::Require));
        assert!("preferred".parse::<SslMode>().is_err());
    }

    #[test]
    fn a_refusal_never_repeats_the_password() {
        for url in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:notaport/d",
            "postgres://u:hunter2@h/d?pool=1",
            "postgres://u:hunter2@h/d?sslmode=maybe",
            "postgres://u:hunter2@a,b/d",
        ] {
            let text = Settings::from_url(url).unwrap_err().to_string();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        let url = "postgres://h/d";
        assert!(Settings::postgres_schema(url, "test_1").is_ok());
        for bad in ["", "a b", "a\"", "A", "a=b"] {
            assert!(Settings::postgres_schema(url, bad).is_err(), "{bad}");
        }
        assert!(Settings::postgres_schema("sqlite::memory:", "a").is_err());
    }
}
