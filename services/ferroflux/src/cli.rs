use std::io::Write;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::doctor::DoctorOptions;
use crate::manual::{CompletionsOptions, ManOptions};
use crate::role::Role;

/// An IoT platform: users, things, channels, and messages over HTTP, WebSocket and MQTT.
#[derive(Debug, Parser)]
#[command(name = "ferroflux", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Those that stand before a client command, as 0.9 allows.
    #[command(flatten)]
    pub(crate) options: ::cli::Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Returns the command line; the options of the client commands are shown with them and not before.
pub(crate) fn command() -> clap::Command {
    let show = |arg: clap::Arg| match arg.get_id().as_str() {
        "help" | "version" => arg,
        _ => arg.global(false).hide(true),
    };
    Cli::command().mut_args(show)
}

/// Parses the arguments of the process, or ends it with the status 2.
pub(crate) fn parse() -> Cli {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let takes_options = matches!(
        cli.command,
        Command::Client(_) | Command::Doctor(_) | Command::Version(_)
    );
    if !takes_options && cli.options != ::cli::Options::default() {
        let text = "options of the client commands stand before a command that has none";
        command().error(ErrorKind::ArgumentConflict, text).exit();
    }
    cli
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
    #[command(flatten)]
    Client(::cli::Command),
    /// Look at a set-up, and name each fault with the variable or file to change.
    Doctor(DoctorOptions),
    /// Print the version.
    Version(VersionOptions),
    /// Print the completions for a shell.
    Completions(CompletionsOptions),
    /// Print the manual page.
    Man(ManOptions),
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

/// Whose version.
#[derive(Args, Debug)]
pub(crate) struct VersionOptions {
    /// That of the server, as 0.9 does.
    #[arg(long)]
    pub(crate) server: bool,
    #[command(flatten)]
    pub(crate) options: ::cli::Options,
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
