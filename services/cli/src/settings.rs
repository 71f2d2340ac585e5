//! What a command is told by the command line, the environment and the file, put together and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ::config::{Environment, Problems, load, names, warn_unknown};
use tls::endpoints;

use crate::config::{Config, PREFIX};
use crate::error::Error;
use crate::file;
use crate::options::Options;
use crate::target::Target;

type Variables = BTreeMap<String, String>;

/// A configuration that can be used.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) tls: tls::Settings,
    pub(crate) users: Target,
    pub(crate) things: Target,
    pub(crate) http: Target,
    pub(crate) ws: Target,
    pub(crate) reader: Target,
    pub(crate) mqtt: Target,
    /// Whether we show a certificate, which may be all that a device has.
    pub(crate) has_certificate: bool,
    /// Where `login` keeps a token.
    pub(crate) file: Option<PathBuf>,
    /// What can be used and should be known.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Reads and checks everything.
    pub(crate) fn load(options: &Options, environment: &Environment) -> Result<Self, Error> {
        let path = match &options.config {
            Some(path) => Some(path.clone()),
            None => file::default_path(environment),
        };
        let mut variables = match &path {
            Some(path) => file::read(path, options.config.is_some())?,
            None => Variables::new(),
        };
        let mut over = of_client(environment);
        layer(&mut over, options.variables());
        if leads_elsewhere(&variables, &over) {
            variables.retain(|name, _| !is_credential(name));
        }
        layer(&mut variables, over);
        Self::check(variables, path)
    }

    fn check(mut variables: Variables, file: Option<PathBuf>) -> Result<Self, Error> {
        let mut problems = Problems::new();
        let environment = Environment::from_map(variables.clone());
        let config: Option<Config> = load(&environment, PREFIX, &mut problems);
        let Some(config) = config else {
            return Err(Error::Config(problems));
        };
        let mut targets = Targets {
            config: &config,
            problems: &mut problems,
        };
        let targets = targets.all();
        let encrypted = targets.iter().flatten().any(|target| target.tls);
        if encrypted {
            variables
                .entry(format!("{PREFIX}TLS_ENABLED"))
                .or_insert_with(|| "true".to_owned());
        }
        let environment = Environment::from_map(variables);
        let mut warnings = unknown(&environment);
        let tls = tls::Settings::load(
            &environment,
            &endpoints::CLIENT,
            &mut problems,
            &mut warnings,
        );
        let (
            [
                Some(users),
                Some(things),
                Some(http),
                Some(ws),
                Some(reader),
                Some(mqtt),
            ],
            Some(tls),
        ) = (targets, tls)
        else {
            return Err(Error::Config(problems));
        };
        problems.into_result().map_err(Error::Config)?;
        if tls.is_enabled() && !encrypted {
            warnings.push(format!(
                "{PREFIX}TLS_ENABLED is true or certificates are set, and no address begins with https:// or mqtts://"
            ));
        }
        Ok(Self {
            has_certificate: has_certificate(&environment),
            config,
            tls,
            users,
            things,
            http,
            ws,
            reader,
            mqtt,
            file,
            warnings,
        })
    }
}

/// Where each service is, unless its variable is wrong.
struct Targets<'a> {
    config: &'a Config,
    problems: &'a mut Problems,
}

impl Targets<'_> {
    fn all(&mut self) -> [Option<Target>; 6] {
        let config = self.config;
        let url = self.parse("URL", &config.url);
        let mut below = |name, own: &Option<String>, prefix| match own {
            Some(own) => self.parse(name, own),
            None => url.as_ref().map(|url| url.below(prefix)),
        };
        [
            below("USERS_URL", &config.users_url, &config.users_prefix),
            below("THINGS_URL", &config.things_url, &config.things_prefix),
            below("HTTP_URL", &config.http_url, &config.http_prefix),
            below("WS_URL", &config.ws_url, &config.ws_prefix),
            below("READER_URL", &config.reader_url, ""),
            match &config.mqtt_url {
                Some(own) => self.parse("MQTT_URL", own),
                None => url.as_ref().map(Target::mqtt),
            },
        ]
    }

    fn parse(&mut self, name: &str, text: &str) -> Option<Target> {
        Target::parse(text)
            .map_err(|reason| self.problems.push(format!("{PREFIX}{name}"), reason))
            .ok()
    }
}

/// Returns the variables of the client, and those of TLS for the whole platform.
fn of_client(environment: &Environment) -> Variables {
    environment
        .names()
        .filter(|name| name.starts_with(PREFIX) || name.starts_with("MF_TLS_"))
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())))
        .collect()
}

/// Puts variables over others; `NAME` and `NAME_FILE` are one.
fn layer(variables: &mut Variables, over: Variables) {
    for (name, value) in over {
        match name.strip_suffix("_FILE") {
            Some(direct) => variables.remove(direct),
            None => variables.remove(&format!("{name}_FILE")),
        };
        variables.insert(name, value);
    }
}

/// Tells whether a command goes to another platform than the file is for: then its credentials stay where they are.
fn leads_elsewhere(file: &Variables, over: &Variables) -> bool {
    let default = Config::default().url;
    let url = format!("{PREFIX}URL");
    over.iter()
        .filter(|(name, _)| name.ends_with("_URL") || **name == url)
        .any(|(name, value)| {
            let kept = file.get(name).map(String::as_str);
            let kept = kept.or((*name == url).then_some(default.as_str()));
            kept.map(|kept| kept.trim_end_matches('/')) != Some(value.trim_end_matches('/'))
        })
}

fn is_credential(name: &str) -> bool {
    let name = name.trim_start_matches(PREFIX).trim_end_matches("_FILE");
    matches!(name, "TOKEN" | "KEY")
}

fn has_certificate(environment: &Environment) -> bool {
    let names = ["CERT_PEM_FILE", "CERT_PEM_B64", "CERT_PEM"];
    let set = |name| environment.get(&endpoints::CLIENT.variable(name)).is_some();
    names.into_iter().any(set)
}

fn unknown(environment: &Environment) -> Vec<String> {
    let mut known = names::<Config>(PREFIX);
    known.extend(endpoints::CLIENT.variables());
    warn_unknown(environment, &known, &[PREFIX])
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    /// Loads with a file, an environment and a command line.
    fn settings(
        file: &str,
        environment: &[(&str, &str)],
        line: &[&str],
    ) -> Result<Settings, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ferroflux/client.env");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(&path, file).unwrap();
        let mut environment: Variables = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let home = folder.path().to_str().unwrap().to_owned();
        environment.insert("XDG_CONFIG_HOME".to_owned(), home);
        let line = Line::parse_from([&["x"], line].concat());
        Settings::load(&line.options, &Environment::from_map(environment))
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let file = "MF_CLIENT_URL=http://a\nMF_CLIENT_TOKEN=of the file\n";
        let token = |settings: Settings| settings.config.token.expose().to_owned();
        assert_eq!(token(settings(file, &[], &[]).unwrap()), "of the file");
        let environment = [("MF_CLIENT_TOKEN", "of the environment")];
        let loaded = settings(file, &environment, &[]).unwrap();
        assert_eq!(token(loaded), "of the environment");
        let loaded = settings(file, &environment, &["--token", "given"]).unwrap();
        assert_eq!(token(loaded), "given");
        let loaded = settings(file, &[("MF_CLIENT_TOKEN_FILE", "/dev/null")], &[]).unwrap();
        assert_eq!(token(loaded), "");
    }

    #[test]
    fn a_token_that_is_kept_goes_to_no_other_platform() {
        let file = "MF_CLIENT_URL=http://a\nMF_CLIENT_TOKEN=secret\n";
        let elsewhere = settings(file, &[], &["--url", "http://b"]).unwrap();
        assert!(elsewhere.config.token.is_empty());
        let elsewhere = settings(file, &[("MF_CLIENT_USERS_URL", "http://b")], &[]).unwrap();
        assert!(elsewhere.config.token.is_empty());
        let same = settings(file, &[], &["--url", "http://a/"]).unwrap();
        assert!(!same.config.token.is_empty());
    }

    #[test]
    fn prefixes_and_addresses_lead_to_services() {
        let loaded = settings("", &[], &["-m", "https://x", "-u", "u", "-a", "mq/http"]).unwrap();
        assert_eq!(loaded.users.path("/users"), "/u/users");
        assert_eq!(loaded.http.path("/channels"), "/mq/http/channels");
        assert_eq!((loaded.mqtt.port, loaded.mqtt.tls), (8883, true));
        assert!(loaded.tls.is_enabled());
        let own = [("MF_CLIENT_READER_URL", "http://localhost:8905")];
        assert_eq!(settings("", &own, &[]).unwrap().reader.port, 8905);
    }

    #[test]
    fn certificates_are_for_some_address() {
        let enabled = ("MF_CLIENT_TLS_ENABLED", "true");
        let warnings = |variables: &[_]| settings("", variables, &[]).unwrap().warnings;
        assert!(warnings(&[enabled])[0].contains("no address begins with https://"));
        let mqtt = ("MF_CLIENT_MQTT_URL", "mqtts://x");
        assert!(warnings(&[enabled, mqtt]).is_empty());
    }

    #[test]
    fn every_mistake_is_named() {
        let bad = [
            ("MF_CLIENT_URL", "ftp://x"),
            ("MF_CLIENT_TIMEOUT", "soon"),
            ("MF_CLIENT_TLS_SERVER_CA_PEM_FILE", "/nowhere"),
        ];
        let error = settings("", &bad, &[]).unwrap_err();
        assert_eq!(error.status(), 64);
        for (name, _) in bad {
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
