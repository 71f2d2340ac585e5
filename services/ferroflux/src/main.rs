//! The `ferroflux` command: every role of the platform in one binary.

mod banner;
mod certificates;
mod challenges;
mod cli;
mod config;
mod devices;
mod front;
mod health;
mod init;
mod nats_tls;
mod patience;
mod role;
mod run;
mod run_json;
mod secrets;
mod settings;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

/// Exit status for a configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIG: u8 = 64;

fn main() -> ExitCode {
    messaging::install_crypto();
    match cli::Cli::parse().command {
        cli::Command::Run(options) => run::main(&options),
        cli::Command::Init(options) => init::main(&options),
        cli::Command::Health(options) => health::main(&options),
        cli::Command::Version => {
            cli::print_line(env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
    }
}
