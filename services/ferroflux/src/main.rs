//! The `ferroflux` command: every role of the platform in one binary.

mod banner;
mod certificates;
mod challenges;
mod cli;
mod config;
mod devices;
mod doctor;
mod front;
mod health;
mod init;
mod manual;
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator is told in C only")]
mod memory;
mod nats_tls;
mod patience;
mod role;
mod run;
mod run_json;
mod secrets;
mod settings;
mod wiring;

use std::process::ExitCode;

use ::config::Environment;

/// A message is allocated by one thread and freed by another, which that of the C library is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit status for a configuration that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_CONFIG: u8 = 64;

fn main() -> ExitCode {
    messaging::install_crypto();
    let cli = cli::parse();
    match cli.command {
        cli::Command::Run(options) => run::main(&options),
        cli::Command::Init(options) => init::main(&options),
        cli::Command::Health(options) => health::main(&options),
        cli::Command::Client(command) => ::cli::run(command, &cli.options, &Environment::process()),
        cli::Command::Doctor(options) => doctor::main(&options, &cli.options),
        cli::Command::Version(version) if version.server => {
            ::cli::version(version.options.over(&cli.options), &Environment::process())
        }
        cli::Command::Version(_) => {
            cli::print_line(env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        cli::Command::Completions(options) => manual::completions(&options),
        cli::Command::Man(options) => manual::man(&options),
    }
}
