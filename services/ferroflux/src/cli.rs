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
    /// Make the secrets and certificates of separate services where there are none; nothing is overwritten.
    Init(InitOptions),
    /// Ask a running process whether it is ready; the exit status tells.
    Health(HealthOptions),
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

/// What to make, and where.
#[derive(Args, Debug)]
pub(crate) struct InitOptions {
    /// The folder of certificates, as `make certs` lays it out.
    #[arg(long, value_name = "DIR", default_value = "ssl/certs")]
    pub(crate) certs: PathBuf,
    /// The folder of secrets, with what each service may read of all this in a folder of its own.
    #[arg(long, value_name = "DIR", default_value = "keys")]
    pub(crate) keys: PathBuf,
    /// The name by which the world reaches the server, for its certificate.
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub(crate) name: String,
    /// Give the folder of each service to the user it has in docker/docker-compose.yml, which only root may.
    #[arg(long)]
    pub(crate) users: bool,
    /// A folder where a NATS server keeps its data, to be given to its user, too.
    #[arg(long, value_name = "DIR", requires = "users")]
    pub(crate) nats_data: Vec<PathBuf>,
}

/// Whom to ask.
#[derive(Args, Debug)]
pub(crate) struct HealthOptions {
    /// Such as http://localhost:8180/health; unset, the front where the environment puts it. Certificates are not verified.
    pub(crate) url: Option<http::Uri>,
}

/// Prints a line for the user; a closed pipe is the reader's choice and no error.
pub(crate) fn print_line(text: &str) {
    let _closed_pipe = writeln!(std::io::stdout(), "{text}");
}

/// Tells the user what went wrong, wherever the log goes.
#[expect(clippy::print_stderr, reason = "this is where a command complains")]
pub(crate) fn complain(text: &str) {
    eprintln!("ferroflux: {text}");
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
