//! What the writer and the reader are told; the names of the PostgreSQL services of 0.9 count too.

use ::config::{Period, names};
use storage::Settings as Database;
use writer::Chosen;

use super::{Reader, Settings};
use crate::role::Role;

/// The prefixes of 0.9 beside ours; what was the name of the database there is the variable without a suffix.
pub(super) const ALIASES: [(&str, &str); 4] = [
    ("MF_WRITER_DB", "MF_POSTGRES_WRITER_DB_NAME"),
    ("MF_READER_DB", "MF_POSTGRES_READER_DB_NAME"),
    (writer::Config::PREFIX, "MF_POSTGRES_WRITER_"),
    (reader::Config::PREFIX, "MF_POSTGRES_READER_"),
];

/// The file both roles share in the embedded shape.
const FILE: &str = "messages";

/// How the writer is set up.
#[derive(Debug)]
pub(crate) struct WriterSettings {
    pub(crate) config: writer::Config,
    pub(crate) chosen: Chosen,
    pub(crate) database: Database,
}

/// Returns the names of all variables of both roles.
pub(super) fn variables() -> Vec<String> {
    let mut known = Vec::new();
    for prefix in [writer::Config::PREFIX, "MF_POSTGRES_WRITER_"] {
        known.extend(names::<writer::Config>(prefix));
        known.extend(names::<storage::Config>(&format!("{prefix}DB_")));
    }
    for prefix in [reader::Config::PREFIX, "MF_POSTGRES_READER_"] {
        known.extend(names::<reader::Config>(prefix));
        known.extend(names::<storage::Config>(&format!("{prefix}DB_")));
    }
    known.extend(ALIASES[..2].iter().map(|(_, old)| (*old).to_owned()));
    known.extend(["CLIENT_TLS", "CA_CERTS"].map(|name| format!("MF_POSTGRES_READER_{name}")));
    known
}

impl Reader<'_> {
    pub(super) fn writer(&mut self) -> Option<WriterSettings> {
        let config: writer::Config = self.role(Role::Writer, writer::Config::PREFIX)?;
        let chosen = config.check(self.problems);
        let database = self.database(FILE, writer::Config::DB_PREFIX, &config.db)?;
        Some(WriterSettings {
            config,
            chosen,
            database,
        })
    }

    /// The reader reads what the writer beside it writes, unless it is told of another database.
    pub(super) fn reader(
        &mut self,
        writer: Option<&WriterSettings>,
    ) -> Option<(reader::Config, Database)> {
        let config: reader::Config = self.role(Role::Reader, reader::Config::PREFIX)?;
        config.check(self.problems);
        let prefix = reader::Config::DB_PREFIX;
        let is_told = ["URL", "HOST", "URL_FILE", "HOST_FILE"]
            .iter()
            .any(|name| self.environment.get(&format!("{prefix}{name}")).is_some());
        let database = match writer {
            Some(writer) if !is_told => writer.database.clone(),
            // What is wrong with the writer's has been named.
            None if !is_told && self.shape.has(Role::Writer) => return None,
            _ => self.database(FILE, prefix, &config.db)?,
        };
        Some((config, database))
    }
}

impl Settings {
    /// Returns how long the two roles wait for things.
    pub(crate) fn history_timeouts(&self) -> impl Iterator<Item = Period> {
        let writer = self
            .writer
            .as_ref()
            .map(|writer| writer.config.things_timeout);
        let reader = self
            .reader
            .as_ref()
            .map(|(config, _)| config.things_timeout);
        writer.into_iter().chain(reader)
    }
}
