use std::time::Duration;

use ::config::Environment;

use super::*;

const PREFIX: &str = "MF_USERS_DB_";

fn choose(variables: &[(&str, &str)]) -> (Option<Settings>, String) {
    let environment: Environment = variables
        .iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()))
        .collect();
    let mut problems = Problems::new();
    let config: Config = ::config::load(&environment, PREFIX, &mut problems).unwrap();
    let settings = config.settings("users", PREFIX, &mut problems);
    (settings, problems.to_string())
}

fn postgres(variables: &[(&str, &str)]) -> PostgresSettings {
    match choose(variables) {
        (Some(Settings::Postgres(settings)), text) if text.is_empty() => settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_set_names_no_database() {
    assert!(matches!(choose(&[]), (None, text) if text.is_empty()));
    assert!(matches!(choose(&[("PASS", "x")]), (None, text) if text.is_empty()));
}

#[test]
fn a_host_chooses_postgresql_and_a_url_wins_over_it() {
    let settings = postgres(&[
        ("HOST", "db"),
        ("PASS", "hunter2"),
        ("SSL_MODE", "required"),
    ]);
    assert_eq!(
        (
            settings.host.as_str(),
            settings.port,
            settings.user.as_str()
        ),
        ("db", 5432, "mainflux")
    );
    assert_eq!(settings.database, "users");
    assert_eq!(settings.password, Secret::from("hunter2"));
    assert_eq!(settings.ssl_mode, SslMode::Require);
    let (settings, _) = choose(&[("HOST", "db"), ("URL", "sqlite::memory:")]);
    assert!(matches!(settings, Some(Settings::Sqlite(None))));
}

#[test]
fn limits_hold_for_a_url_too() {
    let limits = [("POOL_SIZE", "3"), ("STATEMENT_TIMEOUT", "2")];
    for place in [("HOST", "db"), ("URL", "postgres://u@db/users")] {
        let settings = postgres(&[place, limits[0], limits[1]]);
        assert_eq!(settings.pool_size, 3);
        assert_eq!(settings.statement_timeout, Duration::from_secs(2));
    }
}

#[test]
fn what_is_wrong_is_named_and_holds_no_password() {
    let (_, text) = choose(&[("URL", "mysql://u:hunter2@h/d")]);
    assert!(text.starts_with("MF_USERS_DB_URL is wrong"), "{text}");
    assert!(!text.contains("hunter2"));
    for (name, value) in [
        ("SSL_MODE", "maybe"),
        ("PORT", "65536"),
        ("POOL_SIZE", "0"),
        ("WAIT_TIMEOUT", "0"),
        ("CONNECT_TIMEOUT", "soon"),
        ("STATEMENT_TIMEOUT", "0s"),
    ] {
        let (_, text) = choose(&[(name, value)]);
        assert!(text.starts_with(&format!("{PREFIX}{name} is ")), "{text}");
    }
}
