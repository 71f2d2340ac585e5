use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::role::Role;

/// An IoT platform: users, things, channels, and messages over HTTP, WebSocket and MQTT.
#[derive(Debug, Parser)]
#[command(name = "ferroflux", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the binary can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole platform, or the named roles of it, until SIGINT or SIGTERM.
    Run(RunOptions),
    /// Print the version.
    Version,
}

/// How to run.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// The roles to run as separate services on PostgreSQL and NATS; none: everything, on embedded defaults.
    pub(crate) roles: Vec<Role>,
    /// Where the embedded data lives, and where run.json with the bound addresses is written.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Check the configuration, name every mistake, and exit without starting anything.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Prints a line for the user; a closed pipe is the reader's choice and no error.
pub(crate) fn print_line(text: &str) {
    let _closed_pipe = writeln!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_the_words_of_the_design() {
        let cli = Cli::parse_from([
            "ferroflux",
            "run",
            "users",
            "mqtt-adapter",
            "--data",
            "/tmp/x",
        ]);
        let Command::Run(options) = cli.command else {
            panic!("not run")
        };
        assert_eq!(options.roles, [Role::Users, Role::MqttAdapter]);
        assert!(Cli::try_parse_from(["ferroflux", "run", "brokers"]).is_err());
    }
}
