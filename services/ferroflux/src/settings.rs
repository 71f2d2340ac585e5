//! Everything a process is told, checked as a whole before anything is opened.

mod history;

use std::path::{Path, PathBuf};

use ::adapter::X509;
use ::config::{Environment, LogLevel, Problems, load, names, warn_unknown};
use model::Secret;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use storage::Settings as Database;

use crate::certificates::Certificates;
use crate::config::{self, Config};
use crate::nats_tls;
use crate::role::{Role, Shape};
use crate::secrets;
pub(crate) use history::WriterSettings;

/// Where embedded data lives unless `--data` says otherwise.
const DEFAULT_DATA: &str = "data";

/// A configuration that can be used.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) shape: Shape,
    /// The data folder: always there in the embedded shape, and in the other when it was asked for.
    pub(crate) data: Option<PathBuf>,
    pub(crate) process: Config,
    pub(crate) users: Option<(users::Config, Database)>,
    pub(crate) things: Option<(things::Config, Database)>,
    pub(crate) adapter: adapter::Settings,
    pub(crate) http: Option<http_adapter::Config>,
    pub(crate) ws: Option<ws_adapter::Config>,
    pub(crate) mqtt: Option<mqtt_adapter::Config>,
    pub(crate) writer: Option<WriterSettings>,
    pub(crate) reader: Option<(reader::Config, Database)>,
    pub(crate) certificates: Certificates,
    /// What can be used and should be known.
    pub(crate) warnings: Vec<String>,
}

/// Where the settings come from.
pub(crate) struct Source<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) shape: Shape,
    pub(crate) data: Option<PathBuf>,
    /// Whether only to look: then secrets that are missing are not written.
    pub(crate) check: bool,
}

impl Settings {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All that is wrong and all that is missing, at once.
    pub(crate) fn load(source: Source<'_>) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let settings = Self::collect(source, &mut problems);
        problems.into_result()?;
        // Nothing is absent without a problem that says why.
        settings.ok_or_else(Problems::new)
    }

    fn collect(source: Source<'_>, problems: &mut Problems) -> Option<Self> {
        let Source {
            environment,
            shape,
            data,
            check,
        } = source;
        let data = match shape {
            Shape::Embedded => Some(data.unwrap_or_else(|| DEFAULT_DATA.into())),
            Shape::Separate(_) => data,
        };
        let environment = &environment.with_aliases(&history::ALIASES);
        let mut reader = Reader {
            environment,
            shape: &shape,
            data: data.as_deref(),
            check,
            problems,
        };
        let process = reader.process();
        let users = reader.users();
        let things = reader.things();
        let adapter = reader.adapter();
        let http = reader.role(Role::HttpAdapter, http_adapter::Config::PREFIX);
        let ws = reader.role(Role::WsAdapter, ws_adapter::Config::PREFIX);
        let mqtt = reader.role(Role::MqttAdapter, mqtt_adapter::Config::PREFIX);
        let writer = reader.writer();
        let history_reader = reader.reader(writer.as_ref());
        let mut certificates = Certificates::load(environment, &shape, problems);
        let mut settings = Self {
            warnings: std::mem::take(&mut certificates.warnings),
            process: process?,
            users,
            things,
            adapter: adapter?,
            http,
            ws,
            mqtt,
            writer,
            reader: history_reader,
            certificates,
            shape,
            data,
        };
        settings.settle_device_auth(problems);
        if settings.shape == Shape::Embedded && !settings.process.nats_url.is_empty() {
            settings.warnings.push(
                "MF_NATS_URL is not used: with every role in one process the bus is there too; name the roles to use NATS".to_owned(),
            );
        }
        Some(settings)
    }

    /// Returns the level of each role of this process, by the name of its crate.
    pub(crate) fn log_levels(&self) -> Vec<(&'static str, LogLevel)> {
        let mut levels = Vec::new();
        levels.extend(
            self.users
                .as_ref()
                .map(|(config, _)| ("users", config.log_level)),
        );
        levels.extend(
            self.things
                .as_ref()
                .map(|(config, _)| ("things", config.log_level)),
        );
        levels.extend(
            self.http
                .as_ref()
                .map(|config| ("http_adapter", config.log_level)),
        );
        levels.extend(
            self.ws
                .as_ref()
                .map(|config| ("ws_adapter", config.log_level)),
        );
        levels.extend(
            self.mqtt
                .as_ref()
                .map(|config| ("mqtt_adapter", config.log_level)),
        );
        levels.extend(
            self.writer
                .as_ref()
                .map(|writer| ("writer", writer.config.log_level)),
        );
        levels.extend(
            self.reader
                .as_ref()
                .map(|(config, _)| ("reader", config.log_level)),
        );
        levels
    }
}

/// Returns a warning for each variable of ours that nothing reads.
pub(crate) fn unknown(environment: &Environment) -> Vec<String> {
    let mut known = names::<Config>(config::PREFIX);
    known.extend(names::<users::Config>(users::PREFIX));
    known.extend(names::<storage::Config>(users::DB_PREFIX));
    known.extend(names::<things::Config>(things::PREFIX));
    known.extend(names::<storage::Config>(things::DB_PREFIX));
    known.extend(names::<adapter::Settings>(adapter::Settings::PREFIX));
    known.extend(names::<X509>(X509::PREFIX));
    known.extend(names::<http_adapter::Config>(http_adapter::Config::PREFIX));
    known.extend(names::<ws_adapter::Config>(ws_adapter::Config::PREFIX));
    known.extend(names::<mqtt_adapter::Config>(mqtt_adapter::Config::PREFIX));
    known.extend(names::<::cli::Config>(::cli::PREFIX));
    for endpoint in tls::endpoints::ALL {
        known.extend(endpoint.variables());
    }
    known.extend(history::variables());
    known.extend(tls::endpoints::variables());
    warn_unknown(environment, &known, &[config::PREFIX])
}

struct Reader<'a> {
    environment: &'a Environment,
    shape: &'a Shape,
    data: Option<&'a Path>,
    check: bool,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn load<T: DeserializeOwned + JsonSchema>(&mut self, prefix: &str) -> Option<T> {
        load(self.environment, prefix, self.problems)
    }

    fn role<T: DeserializeOwned + JsonSchema>(&mut self, role: Role, prefix: &str) -> Option<T> {
        if self.shape.has(role) {
            self.load(prefix)
        } else {
            None
        }
    }

    fn process(&mut self) -> Option<Config> {
        let mut process: Config = self.load(config::PREFIX)?;
        if *self.shape != Shape::Embedded {
            nats_tls::settle(&mut process, self.environment, self.problems);
        }
        if *self.shape != Shape::Embedded && process.nats_url.is_empty() {
            self.problems.push(
                "MF_NATS_URL",
                "is not set; a role by itself needs NATS, such as nats://localhost:4222",
            );
        }
        if !(1..=5).contains(&process.nats_replicas) {
            self.problems
                .push("MF_NATS_REPLICAS", "is not 1 to 5, as NATS takes it");
        }
        for (url, name) in [
            (&process.users_url, "MF_USERS_URL"),
            (&process.things_url, "MF_THINGS_URL"),
        ] {
            if let Err(error) = server::check_url(url) {
                self.problems.push(name, format!("is wrong: {error}"));
            }
        }
        Some(process)
    }

    fn adapter(&mut self) -> Option<adapter::Settings> {
        let adapter: Option<adapter::Settings> = self.load(adapter::Settings::PREFIX);
        let x509: Option<X509> = self.load(X509::PREFIX);
        let adapter = adapter::Settings {
            x509_identity: x509?.identity,
            ..adapter?
        };
        adapter.check(self.problems);
        Some(adapter)
    }

    fn users(&mut self) -> Option<(users::Config, Database)> {
        let mut config: users::Config = self.role(Role::Users, users::PREFIX)?;
        self.embed_secret(&mut config.secret, "users");
        config.check(self.problems);
        let database = self.database("users", users::DB_PREFIX, &config.db)?;
        Some((config, database))
    }

    fn things(&mut self) -> Option<(things::Config, Database)> {
        let mut config: things::Config = self.role(Role::Things, things::PREFIX)?;
        self.embed_secret(&mut config.secret, "things");
        config.check(self.problems);
        let database = self.database("things", things::DB_PREFIX, &config.db)?;
        Some((config, database))
    }

    /// Falls back to a file in the embedded shape; a role by itself has to be told its database.
    fn database(&mut self, service: &str, prefix: &str, name: &str) -> Option<Database> {
        let config: storage::Config = self.load(prefix)?;
        match (
            config.settings(name, prefix, self.problems),
            self.shape,
            self.data,
        ) {
            (Some(database), _, _) => Some(database),
            (None, Shape::Embedded, Some(data)) => {
                Some(Database::sqlite(data.join(format!("{service}.db"))))
            }
            (None, _, _) => {
                // A URL that is wrong has been named already.
                if config.url.is_empty() {
                    self.problems.push(format!("{prefix}HOST"), "is not set; a role by itself needs PostgreSQL, by this and its neighbours or by …_DB_URL");
                }
                None
            }
        }
    }

    /// Fills a secret that is not configured from the data folder, in the embedded shape only.
    fn embed_secret(&mut self, secret: &mut Secret, name: &str) {
        let (Shape::Embedded, Some(data), true) = (self.shape, self.data, secret.is_empty()) else {
            return;
        };
        let variable = format!("MF_{}_SECRET", name.to_uppercase());
        let made = if self.check {
            secrets::peek(data, name)
        } else {
            secrets::load_or_create(data, name)
        };
        match made {
            Ok(made) => *secret = made,
            Err(error) => self
                .problems
                .push(variable, format!("cannot be kept for you: {error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(
        shape: Shape,
        data: &Path,
        variables: &[(&str, &str)],
    ) -> Result<Settings, Problems> {
        let environment: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::load(Source {
            environment: &environment,
            shape,
            data: Some(data.to_owned()),
            check: true,
        })
    }

    #[test]
    fn the_embedded_shape_needs_nothing_and_a_check_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(Shape::Embedded, folder.path(), &[]).unwrap();
        assert!(settings.users.is_some() && settings.things.is_some());
        assert!(settings.http.is_some() && settings.ws.is_some() && settings.mqtt.is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_role_by_itself_is_told_all_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let shape = Shape::new(&[Role::Users, Role::MqttAdapter]);
        let variables = [
            ("MF_USERS_GRPC_PORT", "x"),
            ("MF_MQTT_ADAPTER_PORT", "65536"),
            ("MF_THINGS_URL", "http://"),
        ];
        let text = settings(shape, folder.path(), &variables)
            .unwrap_err()
            .to_string();
        for name in [
            "MF_USERS_GRPC_PORT",
            "MF_MQTT_ADAPTER_PORT",
            "MF_THINGS_URL",
            "MF_NATS_URL",
        ] {
            assert!(text.contains(name), "{name} is not in:\n{text}");
        }
        assert!(!text.contains("MF_HTTP_ADAPTER"), "{text}");
    }

    #[test]
    fn a_nats_server_that_is_not_used_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let warnings = |variables: &[(&str, &str)]| {
            let settings = settings(Shape::Embedded, folder.path(), variables);
            settings.unwrap().warnings.join("\n")
        };
        assert_eq!(warnings(&[]), "");
        let told = warnings(&[("MF_NATS_URL", "nats://user:secret@localhost:4222")]);
        assert!(
            told.starts_with("MF_NATS_URL is not used") && !told.contains("secret"),
            "{told}"
        );
    }

    #[test]
    fn the_readme_has_every_variable_of_the_process() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
        ::config::check_readme(
            readme,
            config::PREFIX,
            &::config::table::<Config>(config::PREFIX),
        );
        let prefix = adapter::Settings::PREFIX;
        ::config::check_readme(
            readme,
            prefix,
            &::config::table::<adapter::Settings>(prefix),
        );
        ::config::check_readme(readme, X509::PREFIX, &::config::table::<X509>(X509::PREFIX));
    }
}
