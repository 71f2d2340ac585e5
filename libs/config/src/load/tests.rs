use std::io::Write;

use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{LogLevel, Period};

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Disable,
    VerifyFull,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Config {
    /// A number.
    port: u16,
    /// A switch.
    tls: bool,
    /// A switch that may be unset.
    strict: Option<bool>,
    /// A list.
    hosts: Vec<String>,
    /// A period.
    timeout: Period,
    /// A secret.
    secret: Secret,
    /// A level.
    log_level: LogLevel,
    /// A choice.
    mode: Mode,
    /// A text that may be unset.
    url: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 8180,
            tls: false,
            strict: None,
            hosts: vec!["localhost".to_owned()],
            timeout: Period::seconds(1),
            secret: Secret::default(),
            log_level: LogLevel::Error,
            mode: Mode::Disable,
            url: None,
        }
    }
}

fn read<const N: usize>(variables: [(&str, &str); N]) -> Result<Config, String> {
    let mut problems = Problems::new();
    let config = load(&Environment::from(variables), "MF_X_", &mut problems);
    problems
        .into_result()
        .map_err(|problems| problems.to_string())?;
    Ok(config.unwrap())
}

#[test]
fn what_is_right_is_kept_beside_what_is_wrong() {
    let mut problems = Problems::new();
    let environment = Environment::from([("MF_X_PORT", "wrong"), ("MF_X_MODE", "verify-full")]);
    let config: Config = load(&environment, "MF_X_", &mut problems).unwrap();
    assert_eq!((config.port, config.mode), (8180, Mode::VerifyFull));
    assert!(!problems.is_empty());
}

#[test]
fn nothing_set_and_everything_empty_are_the_default() {
    assert_eq!(read([]), Ok(Config::default()));
    assert_eq!(
        read([("MF_X_PORT", ""), ("MF_X_TLS", " "), ("MF_X_HOSTS", "")]),
        Ok(Config::default())
    );
}

#[test]
fn every_type_is_read() {
    let config = read([
        ("MF_X_PORT", " 1 "),
        ("MF_X_TLS", "T"),
        ("MF_X_STRICT", "off"),
        ("MF_X_HOSTS", "a, b\n,,c\n"),
        ("MF_X_TIMEOUT", "1500ms"),
        ("MF_X_SECRET", "s,ecret"),
        ("MF_X_LOG_LEVEL", "Debug"),
        ("MF_X_MODE", "verify-full"),
        ("MF_X_URL", "nats://a,b"),
        ("MF_Y_PORT", "wrong"),
    ]);
    let expected = Config {
        port: 1,
        tls: true,
        strict: Some(false),
        hosts: ["a", "b", "c"].map(str::to_owned).to_vec(),
        timeout: Period::millis(1500),
        secret: Secret::from("s,ecret"),
        log_level: LogLevel::Debug,
        mode: Mode::VerifyFull,
        url: Some("nats://a,b".to_owned()),
    };
    assert_eq!(config, Ok(expected));
}

#[test]
fn every_mistake_is_reported_under_its_full_name() {
    let problems = read([
        ("MF_X_PORT", "70000"),
        ("MF_X_TLS", "maybe"),
        ("MF_X_STRICT", "2"),
        ("MF_X_TIMEOUT", "soon"),
        ("MF_X_LOG_LEVEL", "loud"),
        ("MF_X_MODE", "disabled"),
    ])
    .unwrap_err();
    let lines: Vec<&str> = problems.lines().collect();
    for (line, start) in lines.iter().zip([
        "MF_X_PORT is wrong: number too large",
        "MF_X_TLS is wrong: 'maybe' is neither true nor false",
        "MF_X_STRICT is wrong: '2' is neither",
        "MF_X_TIMEOUT is wrong: 'soon' is no duration",
        "MF_X_LOG_LEVEL is wrong: 'loud' is no log level",
        "MF_X_MODE is wrong: unknown variant `disabled`, expected `disable` or `verify-full`",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(lines.len(), 6, "{problems}");
}

#[test]
fn go_spellings_of_booleans() {
    for (text, value) in [
        ("1", true),
        ("t", true),
        ("TRUE", true),
        ("True", true),
        ("0", false),
        ("F", false),
        ("False", false),
        ("yes", true),
        ("ON", true),
        ("no", false),
    ] {
        assert_eq!(boolean(text), Ok(value), "{text}");
    }
    for text in ["tRUE", "2", "enabled", "y"] {
        assert!(boolean(text).is_err(), "{text}");
    }
}

#[test]
fn a_file_gives_the_value_unless_both_are_set() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "hunter2").unwrap();
    let path = file.path().to_str().unwrap();
    let config = read([("MF_X_SECRET_FILE", path)]).unwrap();
    assert_eq!(config.secret.expose(), "hunter2");

    let both = read([("MF_X_SECRET_FILE", path), ("MF_X_SECRET", "x")]).unwrap_err();
    assert!(
        both.contains("MF_X_SECRET_FILE") && !both.contains("hunter2"),
        "{both}"
    );

    let unreadable = read([("MF_X_SECRET_FILE", "/does/not/exist")]).unwrap_err();
    assert!(
        unreadable.starts_with("MF_X_SECRET_FILE cannot read /does/not/exist"),
        "{unreadable}"
    );
}
