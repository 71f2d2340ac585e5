//! Logs: one line per event, JSON as in 0.9 unless a person is watching.

mod format;

use std::io::{IsTerminal, stdout};

use config::LogLevel;
use model::BoxError;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use format::JsonLines;

/// The crates of ours that every role uses; they log as much as the role that logs most.
const SHARED: [&str; 10] = [
    "adapter",
    "config",
    "ferroflux",
    "messaging",
    "model",
    "mqtt",
    "proto",
    "server",
    "storage",
    "tls",
];

/// What log lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line: `level`, `message`, `ts` as in 0.9, and the fields.
    Json,
    /// For people.
    Text,
}

impl Format {
    /// Chooses text when standard output is a terminal.
    pub fn auto() -> Self {
        if stdout().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Sends the logs of the process to standard output, each role's crate at its own level.
///
/// `roles` are pairs of crate name, as in `http_adapter`, and level. Fails when it is called twice.
pub fn init(roles: &[(&str, LogLevel)], format: Format) -> Result<(), BoxError> {
    let lines = match format {
        Format::Json => fmt::layer().event_format(JsonLines).boxed(),
        Format::Text => fmt::layer().with_target(false).boxed(),
    };
    registry()
        .with(lines.with_filter(filter(roles)))
        .try_init()?;
    Ok(())
}

/// Libraries of others are asked for warnings at most: their debug lines hold headers.
fn filter(roles: &[(&str, LogLevel)]) -> Targets {
    let most = roles
        .iter()
        .map(|(_, level)| *level)
        .max()
        .unwrap_or_default();
    let others = most.min(LogLevel::Warn);
    Targets::new()
        .with_default(LevelFilter::from_level(level_of(others)))
        .with_targets(SHARED.map(|name| (name, level_of(most))))
        .with_targets(roles.iter().map(|(name, level)| (*name, level_of(*level))))
}

fn level_of(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_level_and_libraries_the_loudest() {
        let targets = filter(&[("users", LogLevel::Error), ("things", LogLevel::Debug)]);
        assert!(targets.would_enable("things::service", &Level::DEBUG));
        assert!(targets.would_enable("server::serve", &Level::DEBUG));
        assert!(!targets.would_enable("users::service", &Level::WARN));
        assert!(targets.would_enable("users", &Level::ERROR));
        assert!(targets.would_enable("h2::client", &Level::WARN));
        assert!(!targets.would_enable("hyper::proto", &Level::DEBUG));
    }

    #[test]
    fn without_a_verbose_role_nothing_is_verbose() {
        let targets = filter(&[("users", LogLevel::Error)]);
        assert!(!targets.would_enable("server", &Level::WARN));
        assert!(!targets.would_enable("h2", &Level::WARN));
    }
}
